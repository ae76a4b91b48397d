"""The measured figures, the goals, and whether they were met."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

# For all other units less is better.
MORE_IS_BETTER = {"items/s", "x"}


@dataclass(frozen=True)
class Figure:
    """One row of the report: a value for each round, in `unit`. `goal` is a bound, which the median may equal.

    `peer` are MiniStack's values in the same rounds, empty if it was not measured.
    """

    name: str
    unit: str
    values: Sequence[float]
    goal: float | None = None
    peer: Sequence[float] = ()

    @property
    def more_is_better(self) -> bool:
        """Whether the goal is a lower bound."""
        return self.unit in MORE_IS_BETTER

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    @property
    def best(self) -> float:
        """The best of the rounds."""
        return max(self.values) if self.more_is_better else min(self.values)

    @property
    def ratios(self) -> list[float]:
        """How many times as good as MiniStack, round by round: as fast, or as little of what less of is better.

        Empty without MiniStack, or where a value is too small to be measured. A slow round affects both of its values.
        """
        better, worse = (self.values, self.peer) if self.more_is_better else (self.peer, self.values)
        return ratios(better, worse) if self.peer and all(better) and all(worse) else []

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.more_is_better else self.median <= self.goal

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this row."""
        bound = {"atLeast" if self.more_is_better else "atMost": self.goal}
        peer = {"miniStack": list(self.peer), "timesMiniStack": self.ratios} if self.peer else {}
        return {
            "name": self.name,
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "best": self.best,
            "goal": None if self.goal is None else bound,
            "met": self.met,
            **peer,
        }


def both(name: str, unit: str, values: Sequence[Sequence[float]], goal: float | None = None) -> Figure:
    """A figure of the values of Rollcall's engine and, unless it is alone, of MiniStack's."""
    return Figure(name, unit, values[0], goal, *values[1:])


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` % of them do not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]


def ratios(values: Sequence[float], baselines: Sequence[float]) -> list[float]:
    """The ratio of each round, so that a slow round affects both of its values."""
    return [value / baseline for value, baseline in zip(values, baselines, strict=True)]
