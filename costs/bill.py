"""A bill: usages with their costs, and its sums."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from costs.facts.prices import PriceBook
from costs.usage import WORDS, Usage

SERVICES = WORDS["services"]
"""AWS's names of the services, by the first part of a price's id."""

BY_THE_HOUR = "cloudwatch.metric_months"
ENOUGH_ITEMS = 10_000
"""From so many items on, a batch's cost is told per million items, as in docs/costs.md, where batches have so many.

A smaller one costs mostly what any batch costs once: its records and checks, cold starts.
"""


def service_of(price_id: str) -> str:
    """The service of a price: SQS for `sqs.requests`."""
    return SERVICES[price_id.partition(".")[0]]


@dataclass(frozen=True)
class Line:
    """A usage and its cost in US dollars."""

    usage: Usage
    dollars: float

    def to_json(self) -> dict[str, Any]:
        """The line as `--json` prints it. It has bounds only if timing decides its quantity."""
        hidden = {"part"} if self.usage.low is not None else {"part", "low", "high"}
        fields = {name: value for name, value in vars(self.usage).items() if name not in hidden}
        return {"service": service_of(self.usage.price), **fields, "dollars": self.dollars}


@dataclass(frozen=True)
class Bill:
    """The priced lines of a batch of `items` items. `items` is None without a batch, or if it is unknown.

    All sums are in US dollars.
    """

    lines: tuple[Line, ...]
    items: int | None

    @property
    def dollars(self) -> float:
        """The whole bill."""
        return sum(line.dollars for line in self.lines)

    @property
    def own(self) -> float:
        """The cost of your code: Lambda's duration in which items are processed."""
        return self.part(own=True).dollars

    @property
    def orchestration(self) -> float:
        """Everything else: the cost of cutting, sending, tracking and finishing the batch."""
        return self.part(own=False).dollars

    def part(self, own: bool) -> "Bill":
        """The bill of your code alone, or of the orchestration alone."""
        return Bill(tuple(line for line in self.lines if line.usage.own == own), self.items)

    def split_by_the_hour(self) -> "tuple[Bill, Bill]":
        """The bill of the batch alone, and that of the custom metrics.

        They are paid for each hour in which batches run, whatever the number and the size of these.
        """
        batch = tuple(line for line in self.lines if line.usage.price != BY_THE_HOUR)
        hours = tuple(line for line in self.lines if line.usage.price == BY_THE_HOUR)
        return Bill(batch, self.items), Bill(hours, self.items)

    @property
    def by_the_hour(self) -> float:
        """The cost of the custom metrics."""
        return self.split_by_the_hour()[1].dollars

    def services(self) -> dict[str, "Bill"]:
        """The bill of each service, in the order of SERVICES."""
        parts: dict[str, list[Line]] = {service: [] for service in SERVICES.values()}
        for line in self.lines:
            parts[service_of(line.usage.price)].append(line)
        return {service: Bill(tuple(lines), self.items) for service, lines in parts.items() if lines}

    def by_service(self) -> dict[str, float]:
        """Dollars by service, in the order of SERVICES."""
        return {service: part.dollars for service, part in self.services().items()}

    def per_million(self) -> float | None:
        """Dollars per million items, which make bills of different batches comparable; None without items."""
        return self.dollars / self.items * 1_000_000 if self.items else None

    def per_million_if_enough(self) -> float | None:
        """Dollars per million items of a batch that has enough items to say it; None of any other."""
        return self.per_million() if (self.items or 0) >= ENOUGH_ITEMS else None

    def sums_to_json(self) -> dict[str, Any]:
        """The bill's sums, as `rollcall run --json` prints them."""
        return {
            "items": self.items,
            "dollars": self.dollars,
            "orchestration": self.orchestration,
            "own": self.own,
            "byTheHour": self.by_the_hour,
            "perMillionItems": self.per_million(),
            "orchestrationPerMillionItems": self.part(own=False).per_million(),
            "byService": self.by_service(),
        }

    def to_json(self) -> dict[str, Any]:
        """The sums and every line."""
        return {**self.sums_to_json(), "lines": [line.to_json() for line in self.lines]}


def priced(usages: Iterable[Usage], book: PriceBook, items: int | None) -> Bill:
    """The bill of `usages`, as if nothing else were bought in the month. `items` is the batch's number of items.

    Tiers and free amounts apply to the sum of all lines of one price. Each line bears its share of that. Raises Problem
    for a price that is not in the book.
    """
    usages = tuple(usages)
    quantities: defaultdict[str, float] = defaultdict(float)
    for usage in usages:
        quantities[usage.price] += usage.quantity
    rates = {
        price: book.dollars(price, quantity) / quantity if quantity else 0.0 for price, quantity in quantities.items()
    }
    return Bill(tuple(Line(usage, rates[usage.price] * usage.quantity) for usage in usages), items)
