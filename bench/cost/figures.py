"""What a way costs, what was wanted, and whether that was met. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from costs.bill import Bill, Line, service_of

MILLION = 1_000_000
# Billed by the hour, once for all the batches of that hour: what a batch pays does not grow with it.
HOURLY = "cloudwatch.metric_months"


def per_million(bill: Bill) -> float:
    """Dollars per million items, all within one hour: what the batch paid times the batches, and the hour once."""
    return sum(line_per_million(line, bill.items or 0) for line in bill.lines)


def line_per_million(line: Line, items: int) -> float:
    """A line's part of `per_million`."""
    return line.dollars if line.usage.price == HOURLY else line.dollars / items * MILLION


@dataclass(frozen=True)
class Cost:
    """The cost of one way. `lag` is in seconds; where a client polls for the end, it is what polling adds on AWS."""

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
        """Dollars per million items."""
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
    """A bound on a figure: dollars stay below it, ratios reach it."""

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
    """What was wanted of the orchestration, at 100 items per chunk."""
    dollars = {cost.key: cost.orchestration for cost in costs}
    sqs, sfn = dollars["sqs"], dollars["sfn"]
    return [
        Goal("SQS, orchestration of a million items", sqs, 0.05, ratio=False),
        Goal("SQS below (a)", dollars["literal"] / sqs, 25, ratio=True),
        Goal("SQS below (b)", dollars["published"] / sqs, 200, ratio=True),
        Goal("Step Functions, orchestration of a million items", sfn, 0.40, ratio=False),
        Goal("Step Functions below (c)", dollars["map"] / sfn, 50, ratio=True),
    ]
