"""Ticks of logarithmic axes, with labels that people read: seconds as minutes and hours, items as millions. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import Any

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 86_400, 172_800, 432_000,
           1_209_600)  # fmt: skip
MOST_TICKS = 9


def log_axis(
    title: str, values: Sequence[float], ladder: Sequence[float], label: Callable[[float], str]
) -> dict[str, Any]:
    """A logarithmic axis around `values`, a little room at both ends, with the rungs of `ladder` that lie on it."""
    low, high = min(values), max(values)
    room = max((high / low) ** 0.06, 1.12)
    low, high = low / room, high * room
    rungs = [value for value in ladder if low <= value <= high]
    step = math.ceil(len(rungs) / MOST_TICKS)
    ticks = rungs[::step]
    return {
        "title": title,
        "type": "log",
        "range": [math.log10(low), math.log10(high)],
        "tickvals": ticks,
        "ticktext": [label(value) for value in ticks],
    }


def money_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """An axis of dollars: 1, 2, 5 where it spans little, decades where much."""
    return log_axis(title, values, ladder(values), plain_dollars)


def time_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """An axis of seconds."""
    return log_axis(title, values, SECONDS, brief)


def count_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """An axis of numbers of things, by decades."""
    return log_axis(title, values, [10**power for power in range(9)], short)


def ladder(values: Sequence[float]) -> list[float]:
    """1, 2, 5 and their like where `values` span at most two decades, else powers of ten."""
    decades = range(math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 2)
    steps = (1, 2, 5) if max(values) / min(values) <= 100 else (1,)
    return [step * 10.0**power for power in decades for step in steps]


def plain_dollars(amount: float) -> str:
    """A round amount without needless zeros: `$0.02`, `$1`, `$500`."""
    if amount >= 1:
        return f"${amount:,.0f}"
    return f"${amount:.{-math.floor(math.log10(amount))}f}" if amount < 0.1 else f"${amount:.2f}"


def brief(duration: float) -> str:
    """A round duration: `30 s`, `5 min`, `2 h`, `1 d`."""
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if duration >= unit:
            return f"{duration / unit:g} {name}"
    return f"{duration:g} s"


def short(number: float) -> str:
    """A round number of things: `100`, `10k`, `100M`."""
    for unit, name in ((1_000_000, "M"), (1000, "k")):
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"
