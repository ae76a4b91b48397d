"""What the failed items of a batch failed with: the most frequent errors, and how many failures are tolerated."""

import time
from dataclasses import dataclass
from itertools import islice
from typing import Any

from costs.format import count
from handlers.core.batch import Status
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.failure_groups import FailureGroup, Grouping

# A person waits for the answer: a few pages of the table, or some hundred objects.
MOST_ITEMS = 10_000
MOST_SECONDS = 2.0
SHOWN_GROUPS = 3


@dataclass(frozen=True)
class FailureSummary:
    """The most frequent errors among the `read` first failed items. `why` says why a batch with no reason FAILED."""

    groups: tuple[FailureGroup, ...] = ()
    read: int = 0
    why: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that `--json` adds to a batch."""
        return {"errors": [group.to_json() for group in self.groups], "failedItemsRead": self.read}

    def lines(self, failed: int) -> list[str]:
        """A line for each error, and one that says so if these are not the errors of all `failed` items."""
        width = max((len(f"{group.count:,}") for group in self.groups), default=0)
        lines = [f"{group.count:>{width},} x {group.error}  (item {group.example})" for group in self.groups]
        others = self.read - sum(group.count for group in self.groups)
        if others:
            lines.append(f"{others:>{width},} with other errors")
        if self.read < failed:
            lines.append(f"of the first {count(self.read, 'failed item')}")
        return lines


def failure_summary(batch: OneBatch, result: Result) -> FailureSummary:
    """Read failed items of a batch that has ended, for about two seconds at most."""
    groups, read = Grouping(), 0
    deadline = time.monotonic() + MOST_SECONDS
    for entry in islice(batch.failed_items() if result.failed else (), MOST_ITEMS):
        groups.add(entry)
        read += 1
        if time.monotonic() >= deadline:
            break
    return FailureSummary(tuple(groups.largest(SHOWN_GROUPS)), read, why_failed(batch, result))


def why_failed(batch: OneBatch, result: Result) -> str | None:
    """`24 of 1,000 items failed (2.4 %), 0 % is tolerated`; None if the batch ended otherwise, or has a reason."""
    if result.status != Status.FAILED or result.reason or not result.failed or not result.items:
        return None
    request = batch.batches.request(batch.batch_id)
    tolerated = f", {request.tolerated_failure_percentage:g} % is tolerated" if request else ""
    share = percent(result.failed / result.items)
    return f"{result.failed:,} of {count(result.items, 'item')} failed ({share}){tolerated}"


def percent(share: float) -> str:
    """`2.4 %`, `0.0031 %`, `100 %`: with two significant digits, and never 100 of less."""
    digits = f"{share * 100:.2g}" if share < 0.1 else f"{share * 100:.3g}"
    return f"{'99.9' if float(digits) == 100 and share < 1 else f'{float(digits):g}'} %"
