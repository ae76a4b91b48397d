"""Shows how a batch ended."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.format import count, dollars, per_million, seconds
from rollcall.batches.batch import Result, titled
from rollcall.target.target import SandboxTarget
from rollcall.terminal.console import stdout

STATUS_STYLES = {
    "SUCCEEDED": "bold green",
    "FAILED": "bold red",
    "EXPIRED": "bold yellow",
    "CANCELLED": "bold yellow",
    "SKIPPED": "dim",
}


def styled_status(status: str) -> Text:
    """The status with its colour."""
    return Text(status, STATUS_STYLES.get(status, "bold cyan"))


def items_per_second(result: Result) -> float | None:
    """Items that succeeded or failed, per second of the batch's duration; None if unknown."""
    if not result.duration_seconds or result.items is None:
        return None
    return (result.items - (result.remaining or 0)) / result.duration_seconds


def summary_rows(result: Result, bill: Bill | None = None) -> Iterable[tuple[str, str]]:
    """Yield label and value of every row of the summary. The costs are left out without a bill."""
    rate = items_per_second(result)
    yield "architecture", ARCHITECTURE_TITLES[result.architecture]
    yield "items", f"{count(result.items)}  ({outcome(result)})"
    yield "chunks", count(result.chunks)
    yield "duration", seconds(result.duration_seconds) + (f"  ({count(rate)} items/s)" if rate else "")
    if result.completion_lag_seconds is not None:
        yield "completion lag", f"{seconds(result.completion_lag_seconds)}  (last chunk done to event received)"
    if bill:
        together = "  (all generations)" if result.generation > 1 else ""
        yield "cost on AWS", priced_words(bill) + together
        yield "of it orchestration", priced_words(bill.part(own=False))
        if bill.by_the_hour:
            yield "of that metrics", f"{dollars(bill.by_the_hour)}  (by the hour at any size)"
    if result.reason:
        yield "reason", result.reason


def priced_words(bill: Bill) -> str:
    """`$0.000312  ($0.31 per million items)`."""
    rate = bill.per_million()
    return dollars(bill.dollars) + (f"  ({per_million(rate)})" if rate is not None else "")


def outcome(result: Result) -> str:
    """The numbers of items by outcome: `990 succeeded, 10 failed`."""
    parts = [f"{count(result.succeeded)} succeeded", f"{count(result.failed)} failed"]
    if result.remaining:
        parts.append(f"{count(result.remaining)} remaining")
    return ", ".join(parts)


def next_commands(result: Result, target: SandboxTarget, hopeless: bool = False) -> dict[str, str]:
    """Command lines for a batch with failed or remaining items, each with its purpose.

    `hopeless`: every failed item is a line that is no item, so a redrive would not help.
    """
    commands = {}
    if result.failed:
        lines = "each line that is no item, and why: fix the file, a redrive would not help"
        commands[target.command(f"failures {result.batch_id}")] = (
            lines if hopeless else "each item that failed, and why"
        )
    if (result.failed or result.remaining) and not hopeless:
        items = " and ".join(
            f"the {count(number, 'item')} that {outcome}"
            for number, outcome in ((result.failed, "failed"), (result.remaining, "remained"))
            if number
        )
        commands[target.command(f"redrive {result.batch_id}")] = f"run {items} again"
    return commands


def print_summary(result: Result, bill: Bill | None = None) -> None:
    """Print how a batch ended and, with a bill, what it would have cost on AWS."""
    stdout.print(
        Text.assemble(
            "\nBatch ", (titled(result.batch_id, result.generation), "bold"), "  ", styled_status(result.status)
        )
    )
    table = Table.grid(padding=(0, 3))
    table.add_column(style="dim")
    table.add_column()
    for label, value in summary_rows(result, bill):
        table.add_row(f"  {label}", Text(one_line(value)))
    stdout.print(table)
