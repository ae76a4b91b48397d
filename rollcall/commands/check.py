"""`rollcall check`: reads a file of items as a batch would, before anything runs."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from costs.plan.settings import Settings, parameter
from rollcall.commands.plan import BatchOptions, compared
from rollcall.terminal.options import Json, ValueDistribution, limited

if TYPE_CHECKING:
    from rollcall.inputs.check import Check

app = typer.Typer()
LISTED = 10


@app.command(
    epilog="Examples: [bold]rollcall check orders.csv[/], [bold]rollcall check orders.jsonl.gz --json[/]\n\n"
    "Exit codes: 0 the file is fine, 1 a line is bad, an id repeats or the file cannot be read, 2 usage."
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file as `run --input` takes it.", show_default=False)],
    items_per_chunk: Annotated[
        int, limited("itemsPerChunk", "Items of a chunk", default=str(parameter("items_per_chunk").default))
    ] = parameter("items_per_chunk").default,
    value_distribution: ValueDistribution = "uniform:0-1000",
    listed: Annotated[
        int, typer.Option("--list", min=0, metavar="N", help="Most bad lines, and most repeated ids, that are listed.")
    ] = LISTED,
    as_json: Json = False,
) -> None:
    """Read a file of items as both architectures would: items, bad lines, repeated ids, chunks, cost on AWS.

    No sandbox and no AWS is asked. Memory does not grow with the file; the ids are compared in a temporary file.
    """
    from rollcall.inputs.checked import checked
    from rollcall.terminal.console import print_json, print_next
    from rollcall.views.check import costs_to_json, print_check

    settings = Settings(items_per_chunk=items_per_chunk)
    found = checked(file, settings, listed)
    costs = compared(planned(found, value_distribution), settings) if found.items else None
    if as_json:
        print_json({"file": str(file), **found.to_json(), "costs": costs and costs_to_json(costs)})
    else:
        print_check(file.name, found, costs, items_per_chunk)
        if found.fine and found.items:
            print_next(
                {
                    f"rollcall run sqs --input {quote(str(file))}": "run it; also: sfn",
                    f"rollcall plan --input {quote(str(file))}": "what decides cost and duration, with every setting",
                }
            )
    if not found.fine:
        raise typer.Exit(1)


def planned(found: "Check", values: str) -> BatchOptions:
    """The batch of such a file, as `rollcall plan` takes it."""
    return BatchOptions(items=found.items, item_bytes=found.planned_bytes, value_distribution=values)
