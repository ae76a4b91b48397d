"""Tables of billed units: rows of plain numbers, evaluated with the least, the expected and the most counts."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from costs.usage import Usage


class Three(NamedTuple):
    """A number that time or chance decides: it is never below `least` and never above `most`."""

    least: float
    expected: float
    most: float


class Row(NamedTuple):
    """One billed quantity. `function` is a logical id, `operation` the meter's; `part` tells rows of a pair apart."""

    price: str
    function: str | None
    operation: str
    quantity: float
    part: str = ""
    own: bool = False
    note: str = ""


def three(least: float, expected: float, most: float) -> Three:
    """The bounds in order, and the expected number brought within them."""
    least, most = min(least, most), max(least, most)
    return Three(least, min(max(expected, least), most), most)


def spread(numbers: Iterable[float]) -> Three:
    """A number in three cases, bounded by the least and the greatest of them."""
    found = list(numbers)
    return Three(min(found), found[1], max(found))


def added(*parts: Three | float) -> Three:
    """The sum, case by case; a plain number is the same in every case."""
    return Three(*(sum(part[case] if isinstance(part, tuple) else part for part in parts) for case in range(3)))


class Counts:
    """How often something happens in a batch, by name, in one case: at least, as expected or at most."""

    def __init__(self, counts: Mapping[str, Three | float], case: int) -> None:
        vars(self).update({name: count[case] if isinstance(count, tuple) else count for name, count in counts.items()})

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> float: ...


def usages(table: Callable[[Counts], Iterable[Row]], counts: Mapping[str, Three | float]) -> list[Usage]:
    """The table's rows with their bounds. A row of which there can be nothing is left out."""
    found = []
    for low, row, high in zip(*(table(Counts(counts, case)) for case in range(3)), strict=True):
        if low.quantity or row.quantity or high.quantity:
            least, quantity, most = three(low.quantity, row.quantity, high.quantity)
            price, function, operation, _, part, own, note = row
            found.append(Usage(price, quantity, function, operation, part, own, low=least, high=most, note=note))
    return found
