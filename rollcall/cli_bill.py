"""Commands about money: what was counted and what it costs."""

import typer

app = typer.Typer()
