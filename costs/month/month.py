"""The month of one architecture: batches by a schedule, the stack at rest, metrics, logs and storage."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from costs.bill import BY_THE_HOUR, Bill, Line, priced
from costs.facts.figures import Assumptions, Rules
from costs.facts.prices import PriceBook
from costs.format import seconds
from costs.idle import at_rest
from costs.month.kept import DAY, kept
from costs.plan.plan import Plan
from costs.pollers import UNIT_HOURS
from costs.usage import GB_SECONDS, NOTES, Usage

BATCHES, AT_REST, METRICS, LOGS, STORAGE = "batches", "at rest", "custom metrics", "logs", "storage"
PARTS = (BATCHES, AT_REST, METRICS, LOGS, STORAGE)
"""The parts of a month: the words for them, everywhere."""
HELD = {"dynamodb.gb_months": STORAGE, "s3.gb_months": STORAGE, "logs.gb_months": LOGS}
"""The part of what is stored, by its price."""


@dataclass(frozen=True)
class Month:
    """A month with `per_day` batches of `plan` a day. `parts` has the bill of each of PARTS, empty ones too.

    A tier of a price applies to the sum of the whole month.
    """

    plan: Plan
    per_day: float
    parts: Mapping[str, Bill]

    @property
    def dollars(self) -> float:
        """The whole month."""
        return sum(part.dollars for part in self.parts.values())

    @property
    def batches(self) -> float:
        """The number of batches."""
        return batches_of(self.per_day)

    @property
    def per_million(self) -> float:
        """Dollars per million items of all batches, the stack at rest and all else included."""
        return self.dollars / (self.batches * self.plan.workload.items) * 1_000_000

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against this schedule."""
        between = DAY / self.per_day
        if self.plan.seconds <= between:
            return ()
        return (
            f"a batch takes {seconds(self.plan.seconds)}, and the next one starts after {seconds(between)}: batches "
            "run at the same time, and share Lambda's concurrency; with SQS they share MaxConcurrency too, and pile up",
        )

    def to_json(self) -> dict[str, Any]:
        """The month as `--json` prints it."""
        return {
            "architecture": self.plan.architecture,
            "perDay": self.per_day,
            "batches": self.batches,
            "dollars": self.dollars,
            "perMillionItems": self.per_million,
            "parts": {name: part.dollars for name, part in self.parts.items()},
            "lines": [{"part": name, **line.to_json()} for name, part in self.parts.items() for line in part.lines],
            "warnings": self.warnings,
        }


def batches_of(per_day: float) -> float:
    """The batches of a month: AWS counts one as 730 hours."""
    return per_day * Rules.load()["month.hours"] / 24


def month_of(plan: Plan, per_day: float, book: PriceBook) -> Month:
    """The month with `per_day` batches of the plan a day, evenly apart, at the prices of `book`.

    Storage is that of a stack which has run for so long that as much expires as is added.
    """
    found = list(usages(plan, per_day))
    bill = priced([usage for _, usage in found], book, None)
    parts: defaultdict[str, list[Line]] = defaultdict(list)
    for (part, _), line in zip(found, bill.lines, strict=True):
        parts[part].append(line)
    return Month(plan, per_day, {part: Bill(tuple(parts[part]), None) for part in PARTS})


def usages(plan: Plan, per_day: float) -> Iterator[tuple[str, Usage]]:
    """Every usage of the month, each with its part."""
    times = batches_of(per_day)
    for line in plan.bill.lines:
        yield from of_batches(line.usage, times)
    duration = GB_SECONDS + plan.settings.cpu_architecture
    yield from ((AT_REST, usage) for usage in at_rest(plan.architecture, plan.settings.pollers or 0, duration))
    for held in kept(plan):
        gigabytes = held.average(per_day) / Assumptions.load()["storage.gb_bytes"]
        note = NOTES["kept"].format(days=f"{held.days:g}")
        yield HELD[held.price], Usage(held.price, gigabytes, note=note)


def of_batches(usage: Usage, times: float) -> Iterator[tuple[str, Usage]]:
    """A usage of one batch in a month of so many.

    A metric is billed for each hour with data, once for all batches of that hour, so for no more than the month. Of
    provisioned pollers the least are the stack's at rest, whether a batch runs or not.
    """
    if usage.price == BY_THE_HOUR:
        yield METRICS, scaled(usage, times, most=1.0)
    elif usage.price == UNIT_HOURS:
        least = usage.low or 0.0
        above = [(bound or 0.0) - least for bound in (usage.low, usage.quantity, usage.high)]
        low, quantity, high = above
        yield BATCHES, scaled(replace(usage, low=low, quantity=quantity, high=high, note=NOTES["pollers_above"]), times)
    else:
        yield LOGS if usage.price.startswith("logs.") else BATCHES, scaled(usage, times)


def scaled(usage: Usage, times: float, most: float = float("inf")) -> Usage:
    """So many times the usage, and its bounds, but no more than `most`."""
    low, quantity, high = (
        None if bound is None else min(bound * times, most) for bound in (usage.low, usage.quantity, usage.high)
    )
    return replace(usage, low=low, quantity=quantity or 0.0, high=high)
