"""`rollcall check`: reads files of items as a batch would, before anything runs."""

from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from costs.plan.settings import Settings, parameter
from rollcall.commands.plan import BatchOptions, compared
from rollcall.terminal.options import Json, ValueDistribution, grouped, limited
from rollcall.terminal.reading_options import ReadingOptions

if TYPE_CHECKING:
    from rollcall.inputs.check import Check

app = typer.Typer()
LISTED = 10


@app.command(
    epilog="Examples: [bold]rollcall check orders.csv[/], [bold]rollcall check orders.jsonl.gz --json[/], "
    "[bold]rollcall check january.csv february.csv --id-column order_id[/]\n\n"
    "Exit codes: 0 the items are fine, 1 a line is bad, an id repeats or a file cannot be read, 2 usage."
)
@grouped
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="What `run --input` takes of this machine: files, a folder of files, or - for standard input.",
            show_default=False,
        ),
    ],
    how: ReadingOptions,
    items_per_chunk: Annotated[
        int, limited("itemsPerChunk", "Items of a chunk", default=str(parameter("items_per_chunk").default))
    ] = parameter("items_per_chunk").default,
    value_distribution: ValueDistribution = "uniform:0-1000",
    listed: Annotated[
        int, typer.Option("--list", min=0, metavar="N", help="Most bad lines, and most repeated ids, that are listed.")
    ] = LISTED,
    as_json: Json = False,
) -> None:
    """Read the items as both architectures would: bad lines, repeated ids, chunks, cost on AWS.

    No sandbox and no AWS is asked. Memory does not grow with the files; the ids are compared in a temporary file.
    """
    from rollcall.inputs.checked import checked
    from rollcall.terminal.console import print_json, print_next
    from rollcall.views.check import costs_to_json, print_check

    settings = Settings(items_per_chunk=items_per_chunk)
    found = checked(files, settings, listed, how.reading())
    costs = compared(planned(found, value_distribution), settings) if found.items else None
    if as_json:
        print_json({"files": files, **found.to_json(), "costs": costs and costs_to_json(costs)})
    else:
        print_check(", ".join(files), found, costs, items_per_chunk)
        if found.fine and found.items and "-" not in files:
            inputs = " ".join(f"--input {quote(file)}" for file in files)
            said = "".join(f" {word}" for word in how.words())
            print_next(
                {
                    f"rollcall run sqs {inputs}{said}": "run it; also: sfn",
                    f"rollcall plan --items {found.items} --item-bytes {round(found.average)}": "what decides the cost",
                }
            )
    if not found.fine:
        raise typer.Exit(1)


def planned(found: "Check", values: str) -> BatchOptions:
    """The batch of such a file, as `rollcall plan` takes it."""
    return BatchOptions(items=found.items, item_bytes=found.planned_bytes, value_distribution=values)
