"""Shows how a batch ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.format import count, dollars, seconds
from rollcall.batches.batch import Result, titled
from rollcall.batches.failure_summary import FailureSummary
from rollcall.batches.invocation_errors import InvocationError
from rollcall.target.target import SandboxTarget
from rollcall.terminal.console import print_rows, stdout
from rollcall.views.bill import AT_REST, HOURS, scaled

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


NO_FAILURES = FailureSummary()


@dataclass(frozen=True)
class Details:
    """What is told of a batch that has ended besides its result. `results` is the URL of what `process` returned."""

    failures: FailureSummary = NO_FAILURES
    invocation_errors: Sequence[InvocationError] = ()
    results: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that `--json` adds to the result."""
        errors = [error.to_json() for error in self.invocation_errors]
        return {**self.failures.to_json(), "invocationErrors": errors, "resultsAt": self.results}


@dataclass(frozen=True)
class Cost:
    """What a batch would cost on AWS, and how many dollars its stack costs at rest in a month."""

    bill: Bill
    at_rest: float

    def to_json(self) -> dict[str, Any]:
        """The object `cost` that `--json` prints."""
        return {**self.bill.sums_to_json(), "atRestPerMonth": {"dollars": self.at_rest}}


def summary_rows(result: Result, details: Details, cost: Cost | None = None) -> Iterator[tuple[str, str]]:
    """Yield label and value of every row of the summary. The costs are left out if they are unknown."""
    rate = items_per_second(result)
    yield "architecture", ARCHITECTURE_TITLES[result.architecture]
    yield "items", f"{count(result.items)}  ({outcome(result)})"
    if why := result.reason or details.failures.why:
        yield "reason", why
    if errors := details.failures.lines(result.failed or 0):
        yield "errors", "\n".join(errors)
    if details.invocation_errors:
        yield "trouble", "\n".join(map(str, details.invocation_errors))
    yield "chunks", count(result.chunks)
    yield "duration", seconds(result.duration_seconds) + (f"  ({count(rate)} items/s)" if rate else "")
    if result.completion_lag_seconds is not None:
        yield "completion lag", f"{seconds(result.completion_lag_seconds)}  (last chunk done to event received)"
    if cost:
        yield from cost_rows(result, cost)
    if details.results and result.succeeded:
        yield "results", details.results


def cost_rows(result: Result, cost: Cost) -> Iterator[tuple[str, str]]:
    """Yield what the batch costs, and apart from it what is paid by the hour and at rest, whatever its size."""
    batch, hours = cost.bill.split_by_the_hour()
    of_what = "this batch" if result.generation == 1 else "all generations of this batch"
    rate = scaled(batch)
    yield "cost on AWS", f"{dollars(batch.dollars)} for {of_what}" + (f", {rate}" if rate else "")
    yield "of it orchestration", dollars(batch.orchestration)
    if hours.lines:
        yield "and by the hour", f"{dollars(hours.dollars)} for {HOURS}"
    yield "and at rest", f"{dollars(cost.at_rest)} {AT_REST}"


def outcome(result: Result) -> str:
    """The numbers of items by outcome: `990 succeeded, 10 failed`."""
    parts = [f"{count(result.succeeded)} succeeded", f"{count(result.failed)} failed"]
    if result.remaining:
        parts.append(f"{count(result.remaining)} remaining")
    return ", ".join(parts)


def next_commands(
    result: Result, target: SandboxTarget, hopeless: bool = False, has_results: bool = False
) -> dict[str, str]:
    """Command lines for a batch with results, failed or remaining items, each with its purpose.

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
    if has_results and result.succeeded:
        commands[target.command(f"results {result.batch_id}")] = "what process returned, item by item"
    return commands


def print_summary(result: Result, details: Details, cost: Cost | None = None) -> None:
    """Print how a batch ended and, if it is known, what it would have cost on AWS."""
    title = (titled(result.batch_id, result.generation), "bold")
    stdout.print(Text.assemble("\nBatch ", title, "  ", styled_status(result.status)))
    print_rows(summary_rows(result, details, cost))
