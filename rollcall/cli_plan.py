"""Commands about money: what a batch will cost and how long it will take."""

import typer

app = typer.Typer()
