"""`rollcall meter`: prints the quantities that the engine's meter counted, in AWS's billing units, without prices."""

from collections import defaultdict
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.markup import escape

from bootstrap.problem import Problem
from costs.format import count, quantity
from rollcall.target.connection import healthy_sandbox
from rollcall.target.meter_client import fetch_meter, reset_meter
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_json, stdout
from rollcall.terminal.options import Json

app = typer.Typer()


@app.command(epilog="Examples: [bold]rollcall meter --batch demo-1[/], [bold]rollcall meter --reset[/]")
@targeted
def meter(
    target: SandboxTarget,
    batch: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the quantities of this batch.", show_default="all")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Set all quantities to zero.")] = False,
    as_json: Json = False,
) -> None:
    """Print the quantities of one batch or of all, or set them to zero. Raises Problem if there is no meter."""
    if reset and batch:
        raise Problem("--reset sets everything to zero: it takes no --batch")
    sandbox = healthy_sandbox(target)
    if reset:
        reset_meter(sandbox.endpoint)
        stdout.print("the meter stands at zero")
        return
    answer = fetch_meter(sandbox.endpoint, batch)
    if as_json:
        print_json(answer)
        return
    stdout.print(f"[dim]counted since[/] {escape(answer['since'])}", soft_wrap=True)
    if not answer["rows"]:
        stdout.print("nothing" + (f" of a batch {batch}" if batch else ""), markup=False)
        return
    print_rows(answer["rows"])


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print the rows of all batches together, under their stack, function and caller."""
    sums: defaultdict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0, 0])
    for row in rows:
        place = "  ".join(filter(None, (row["stack"] or "no stack", row["function"], f"by {row['by']}")))
        line = sums[place, row["unit"], row["operation"]]
        line[:] = line[0] + row["quantity"], line[1] + row["calls"]
    widest = [max(len(row[name]) for row in rows) for name in ("unit", "operation")]
    for place, lines in groupby(sorted(sums.items()), key=lambda line: line[0][0]):
        stdout.print(f"\n[bold]{escape(place)}[/]", soft_wrap=True)
        for (_, unit, operation), (amount, calls) in lines:
            words = f"  {unit:<{widest[0]}}  {operation:<{widest[1]}}  {quantity(amount):>12}  {count(calls, 'call')}"
            stdout.print(words, markup=False, soft_wrap=True)
