"""`rollcall meter`: what the engine's meter counted, in AWS's billing units, before any price."""

from collections import defaultdict
from typing import Any

from rich.table import Table

from rollcall.connection import find_sandbox
from rollcall.costs.meter_client import fetch_meter, reset_meter
from rollcall.costs.money import quantity
from rollcall.errors import Problem
from rollcall.target import SandboxTarget
from rollcall.terminal import count, print_json, stdout

COLUMNS = ("stack", "function", "by", "unit", "operation")


def meter(target: SandboxTarget, batch: str | None, reset: bool, as_json: bool) -> None:
    """Print what was counted, of one batch or of all; or set it to zero. Raises Problem if there is no meter."""
    if reset and batch:
        raise Problem("--reset sets everything to zero: it takes no --batch")
    sandbox = find_sandbox(target)
    if not sandbox.healthy():
        raise Problem(f"no sandbox answers at {sandbox.endpoint}", "start it with `rollcall up`")
    if reset:
        reset_meter(sandbox.endpoint)
        stdout.print("the meter stands at zero")
        return
    answer = fetch_meter(sandbox.endpoint, batch)
    if as_json:
        print_json(answer)
        return
    stdout.print(f"[dim]counted since[/] {answer['since']}", soft_wrap=True)
    if not answer["rows"]:
        stdout.print("nothing" + (f" of a batch {batch}" if batch else ""), markup=False)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in COLUMNS:
        table.add_column(heading)
    for heading in ("quantity", "calls"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cells in meter_rows(answer["rows"]):
        table.add_row(*cells)
    stdout.print(table)


def meter_rows(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The rows of all batches together, by stack, function and unit."""
    found: defaultdict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        sums = found[tuple(row[column] or "-" for column in COLUMNS)]
        sums[0] += row["quantity"]
        sums[1] += row["calls"]
    return [[*place, quantity(amount), count(calls)] for place, (amount, calls) in sorted(found.items())]
