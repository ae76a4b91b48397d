"""The bills that docs/costs.md computes by hand, as the tests read them: the numbers stand there and nowhere else."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pytest

from costs.bill import service_of
from costs.usage import GB_SECONDS, Usage
from tests.unit.documents import text_of

DOCUMENT = "docs/costs.md"
SUM = "in all"
# How many units a price buys, by its words.
PACKS = {"": 1, "1,000": 1_000, "1M": 1_000_000, "GB": 1024**3, "GB-hour": 3_600}


@dataclass(frozen=True)
class Span:
    """A number from `least` to `most`, which are equal if it is one number. `digits` are its decimals as written."""

    least: float
    most: float
    digits: int

    @classmethod
    def parse(cls, cell: str) -> "Span":
        """The span of `10`, `0 to 12`, `$0.0000004` or `$0.10 to $0.20`."""
        texts = [text.replace(",", "").removeprefix("$") for text in cell.split(" to ")]
        return cls(float(texts[0]), float(texts[-1]), max(len(text.partition(".")[2]) for text in texts))

    @property
    def is_exact(self) -> bool:
        return self.least == self.most

    def has(self, number: float) -> bool:
        return self.least - 1e-9 <= number <= self.most + 1e-9

    def is_written(self, least: float, most: float) -> bool:
        """Whether these numbers, rounded as written, are the span's."""
        half = 0.51 * 10.0**-self.digits
        return (self.least, self.most) == pytest.approx((least, most), abs=half)


@dataclass(frozen=True)
class Line:
    """A line of a table: a service, what for in the words of the bill, how many, the price of one, and the dollars."""

    service: str
    words: str
    quantity: Span
    price: float
    dollars: Span

    @property
    def name(self) -> tuple[str, str]:
        return self.service, self.words


@dataclass(frozen=True)
class HandBill:
    """A table: its lines, and the sum below them."""

    lines: tuple[Line, ...]
    whole: Span

    def of(self, usages: Iterable[Usage]) -> Iterator[tuple[Line | None, Usage]]:
        """Each line with the sum of the usages that it is about; None for a usage that has no line."""
        lines = {line.name: line for line in self.lines}
        sums: defaultdict[tuple[str, str], list[Usage]] = defaultdict(list)
        for usage in usages:
            sums[name_of(usage)].append(usage)
        for name, same in sums.items():
            low, quantity, high = (sum(values) for values in zip(*map(bounds, same), strict=True))
            yield lines.get(name), replace(same[0], low=low, quantity=quantity, high=high)
        for name in lines.keys() - sums.keys():
            yield lines[name], Usage("sqs.requests", 0, what=str(name), low=0, high=0)


def hand_bill(section: str) -> HandBill:
    """The table below a heading of docs/costs.md."""
    [below] = re.findall(rf"^### {re.escape(section)}$(.*?)(?=^##)", text_of(DOCUMENT), re.MULTILINE | re.DOTALL)
    table = [line.strip("|").split("|") for line in below.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in cells] for cells in table]
    lines = [Line(row[0], row[1], Span.parse(row[2]), price(row[3]), Span.parse(row[4])) for row in rows[2:-1]]
    assert rows[-1][0] == SUM
    return HandBill(tuple(lines), Span.parse(rows[-1][-1]))


def price(cell: str) -> float:
    """The dollars of one unit: of `$0.40 / 1M`."""
    amount, _, pack = cell.removeprefix("$").partition(" / ")
    return float(amount) / PACKS[pack]


def name_of(usage: Usage) -> tuple[str, str]:
    """The service and the words by which a table tells a usage: the bill's, but all time and all lines are one."""
    if usage.price.startswith(GB_SECONDS):
        return service_of(usage.price), "all functions' time"
    if usage.price == "logs.bytes":
        return service_of(usage.price), "all log lines"
    # The meter does not tell a function's calls apart by their part.
    whole = replace(usage, part="", what="") if usage.function else usage
    return service_of(usage.price), whole.what


def bounds(usage: Usage) -> tuple[float, float, float]:
    """The least, the expected and the most of a usage: thrice the same if it was counted."""
    quantity = usage.quantity
    return (
        quantity if usage.low is None else usage.low,
        quantity,
        quantity if usage.high is None else usage.high,
    )
