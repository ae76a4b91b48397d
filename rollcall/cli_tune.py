"""Commands about money: the cheapest settings that meet a deadline."""

import typer

app = typer.Typer()
