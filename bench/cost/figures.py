"""The cost of each way, the goals, and whether they were met."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from costs.bill import Bill, Line, service_of

MILLION = 1_000_000
# Billed by the hour, once for all batches of that hour, so the amount does not grow with a batch.
HOURLY = "cloudwatch.metric_months"


def per_million(bill: Bill) -> float:
    """Dollars per million items if all their batches run within one hour, whose hourly cost counts once."""
    return sum(line_per_million(line, bill.items or 0) for line in bill.lines)


def line_per_million(line: Line, items: int) -> float:
    """The part of `per_million` that belongs to a line."""
    return line.dollars if line.usage.price == HOURLY else line.dollars / items * MILLION


@dataclass(frozen=True)
class Cost:
    """The cost of one way. `lag` is in seconds. If a client polls for the end, it is the lag of the polling on AWS."""

    key: str
    short: str
    title: str
    bill: Bill
    seconds: float
    lag: float | None
    calls: int
    poll_seconds: int | None = None
    unassigned_calls: int = 0

    @property
    def items(self) -> int:
        return self.bill.items or 0

    @property
    def orchestration(self) -> float:
        """Dollars per million items without your code."""
        return per_million(self.bill.part(own=False))

    @property
    def in_all(self) -> float:
        """Dollars per million items, your code included."""
        return per_million(self.bill)

    @property
    def calls_per_item(self) -> float:
        return self.calls / self.items

    def by_service(self) -> dict[str, float]:
        """Orchestration by service, in dollars per million items."""
        sums: defaultdict[str, float] = defaultdict(float)
        for line in self.bill.part(own=False).lines:
            sums[service_of(line.usage.price)] += line_per_million(line, self.items)
        return dict(sums)

    def by_line(self) -> list[tuple[str, float]]:
        """Orchestration by price and operation, in dollars per million items, the greatest first."""
        sums: defaultdict[str, float] = defaultdict(float)
        for line in self.bill.part(own=False).lines:
            sums[f"{line.usage.price}: {line.usage.operation}"] += line_per_million(line, self.items)
        return sorted(sums.items(), key=lambda entry: -entry[1])

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes; dollars are per million items."""
        return {
            "way": self.key,
            "title": self.title,
            "items": self.items,
            "seconds": round(self.seconds, 3),
            "lagSeconds": self.lag,
            "pollSeconds": self.poll_seconds,
            "orchestration": self.orchestration,
            "inAll": self.in_all,
            "apiCallsPerItem": self.calls_per_item,
            "callsOfNoBatch": self.unassigned_calls,
            "orchestrationByService": self.by_service(),
            "orchestrationByLine": dict(self.by_line()),
            "bill": self.bill.to_json(),
        }


@dataclass(frozen=True)
class Goal:
    """A bound on a figure: dollars must be below it, ratios must reach it."""

    name: str
    value: float
    bound: float
    ratio: bool

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.ratio else self.value < self.bound

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes."""
        bound = {"atLeast" if self.ratio else "below": self.bound}
        return {"name": self.name, "value": self.value, "goal": bound, "met": self.met}


def goals(costs: Sequence[Cost]) -> list[Goal]:
    """The goals for the orchestration, at 100 items per chunk."""
    dollars = {cost.key: cost.orchestration for cost in costs}
    sqs, sfn = dollars["sqs"], dollars["sfn"]
    return [
        Goal("SQS, orchestration of a million items", sqs, 0.05, ratio=False),
        Goal("SQS below (a)", dollars["literal"] / sqs, 25, ratio=True),
        Goal("SQS below (b)", dollars["published"] / sqs, 200, ratio=True),
        Goal("Step Functions, orchestration of a million items", sfn, 0.05, ratio=False),
        Goal("Step Functions below (c)", dollars["map"] / sfn, 500, ratio=True),
    ]
