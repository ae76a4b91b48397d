"""Commands about money: what was counted and what it costs."""

from typing import Annotated

import typer

from rollcall.target.target import SandboxTarget, Target, targeted
from rollcall.terminal.options import Batch, ChildTypeName, Json, OfArchitecture, PriceFile

app = typer.Typer()


@app.command(
    epilog="Examples: [bold]rollcall bill demo-1[/], [bold]rollcall bill demo-1 --child-type standard --json[/]"
)
@targeted
def bill(
    target: Target,
    batch: Batch,
    architecture: OfArchitecture = None,
    child_type: Annotated[
        ChildTypeName,
        typer.Option(help="sfn: how its chunks would run on AWS; the sandbox has standard children only."),
    ] = ChildTypeName.express,
    prices: PriceFile = None,
    free_tier: Annotated[
        bool, typer.Option("--free-tier", help="As though the batch were all that the account does in a month.")
    ] = False,
    json: Json = False,
) -> None:
    """Show what a batch that ran here would have cost on AWS, line by line, and what its stack costs at rest."""
    from rollcall.commands.bill import bill

    bill(target, batch, architecture, child_type.upper(), prices, free_tier, json)


@app.command(epilog="Examples: [bold]rollcall meter --batch demo-1[/], [bold]rollcall meter --reset[/]")
@targeted
def meter(
    target: SandboxTarget,
    batch: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what this batch caused.", show_default="all")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Set everything that was counted to zero.")] = False,
    json: Json = False,
) -> None:
    """Show what the sandbox counted, in the units in which AWS bills."""
    from rollcall.commands.meter import meter

    meter(target, batch, reset, json)
