"""Tables of billed units: rows of plain numbers, evaluated with the least, the expected and the most counts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

from costs.usage import Usage


class Estimate(NamedTuple):
    """A number that time or chance decides: it is never below `least` and never above `most`."""

    least: float
    expected: float
    most: float


Counts = SimpleNamespace
"""The counts of a batch by name, in one of three cases: least, expected or most."""


def row(
    price: str, function: str | None, operation: str, quantity: float, part: str = "", own: bool = False, note: str = ""
) -> Usage:
    """One billed quantity in one case. `function` is a logical id, `operation` the meter's."""
    return Usage(price, quantity, function, operation, part, own, note=note)


def estimate(least: float, expected: float, most: float) -> Estimate:
    """An estimate with its bounds in order and its expected number between them."""
    least, most = min(least, most), max(least, most)
    return Estimate(least, min(max(expected, least), most), most)


def spread(numbers: Iterable[float]) -> Estimate:
    """The estimate made of one number for each case. Its bounds are the least and the greatest of them."""
    found = list(numbers)
    return Estimate(min(found), found[1], max(found))


def added(*parts: Estimate | float) -> Estimate:
    """The sum, case by case; a plain number counts the same in every case."""
    return Estimate(*(sum(part[case] if isinstance(part, tuple) else part for part in parts) for case in range(3)))


def usages(table: Callable[[Counts], Iterable[Usage]], counts: Mapping[str, Estimate | float]) -> list[Usage]:
    """The table's rows with their bounds, without the rows whose quantity is zero in every case."""
    cases = [
        Counts(**{name: count[case] if isinstance(count, tuple) else count for name, count in counts.items()})
        for case in range(3)
    ]
    found = []
    for rows in zip(*map(table, cases), strict=True):
        low, quantity, high = estimate(*(row.quantity for row in rows))
        if high:
            found.append(replace(rows[1], quantity=quantity, low=low, high=high))
    return found
