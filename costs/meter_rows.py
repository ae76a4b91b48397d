"""Rows of the meter: picking those of a stack and a batch, and adding them up."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DURATION = "lambda.gb_seconds."
"""What the ids of the prices of Lambda's time begin with; the functions' processor architecture follows."""

type Row = Mapping[str, Any]
type Place = tuple[str | None, str]
"""Function (its logical id; None: no function's) and operation."""


def rows_of(answer: Mapping[str, Any], stack: str, batch: str | None) -> list[Row]:
    """The rows of a stack that AWS would bill: of one batch, or with None all; not those of the command line."""
    return [
        row
        for row in answer["rows"]
        if row["stack"] == stack and row["by"] != "client" and batch in (None, row["batch"])
    ]


def sums(rows: Iterable[Row], chosen: Callable[[Row], bool]) -> dict[Place, float]:
    """Quantities of the chosen rows by function and operation."""
    found: defaultdict[Place, float] = defaultdict(float)
    for row in rows:
        if chosen(row):
            found[row["function"], row["operation"]] += row["quantity"]
    return dict(found)


def total(rows: Iterable[Row], unit: str, function: str | None = None) -> float:
    """The sum of a unit, of one function or of all."""
    return sum(row["quantity"] for row in rows if row["unit"] == unit and function in (None, row["function"]))


def duration_prices(rows: Iterable[Row]) -> list[str]:
    """The prices of the rows' Lambda time: one, unless a stack was deployed anew for another processor."""
    return sorted({row["unit"] for row in rows if row["unit"].startswith(DURATION)})
