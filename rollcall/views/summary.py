"""How a batch ended, in words and in a table."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line
from costs.bill import Bill
from costs.format import count, dollars, per_million, seconds
from rollcall.batches.batch import Result, titled
from rollcall.target.connection import ARCHITECTURE_TITLES
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
    """The status in its colour."""
    return Text(status, STATUS_STYLES.get(status, "bold cyan"))


def items_per_second(result: Result) -> float | None:
    """Items that reached an end, per second from the batch's start to its finish; None if that is not known."""
    if not result.duration_seconds or result.items is None:
        return None
    return (result.items - (result.remaining or 0)) / result.duration_seconds


def summary_rows(result: Result, bill: Bill | None = None) -> Iterable[tuple[str, str]]:
    """What to tell about a batch, and what it would have cost where that is known: label and value."""
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
            yield "of that metrics", f"{dollars(bill.by_the_hour)}  (by the hour, whatever the batch's size)"
    if result.reason:
        yield "reason", result.reason


def priced_words(bill: Bill) -> str:
    """`$0.000312  ($0.31 per million items)`."""
    each = bill.per_million()
    return dollars(bill.dollars) + (f"  ({per_million(each)})" if each is not None else "")


def outcome(result: Result) -> str:
    """What became of the items: `990 succeeded, 10 failed`."""
    parts = [f"{count(result.succeeded)} succeeded", f"{count(result.failed)} failed"]
    if result.remaining:
        parts.append(f"{count(result.remaining)} remaining")
    return ", ".join(parts)


def what_to_try(result: Result, target: SandboxTarget, hopeless: bool = False) -> dict[str, str]:
    """Command lines for a batch that has left something to do, and what each is good for.

    `hopeless`: what has failed are no items, so that a redrive would not help.
    """
    advice = {}
    if result.failed:
        what = "each line that is no item, and why: mend the file, a redrive would not help"
        advice[target.command(f"failures {result.batch_id}")] = what if hopeless else "each item that failed, and why"
    if (result.failed or result.remaining) and not hopeless:
        left = " and ".join(
            f"the {count(number, 'item')} that {what}"
            for number, what in ((result.failed, "failed"), (result.remaining, "remained"))
            if number
        )
        advice[target.command(f"redrive {result.batch_id}")] = f"run {left} again"
    return advice


def print_summary(result: Result, bill: Bill | None = None) -> None:
    """Print how a batch ended on stdout, and what it would have cost on AWS where that is known."""
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
