"""What was measured, what was wanted, and whether that was met. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A bound in the figure's unit; `at_least` tells on which side of it the good values lie."""

    bound: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Whether `value` is on the good side, or on the bound."""
        return value >= self.bound if self.at_least else value <= self.bound

    def best_of(self, values: Iterable[float]) -> float:
        """The value furthest on the good side."""
        return max(values) if self.at_least else min(values)


def at_least(bound: float) -> Goal:
    """More is better."""
    return Goal(bound, at_least=True)


def at_most(bound: float) -> Goal:
    """Less is better."""
    return Goal(bound, at_least=False)


@dataclass(frozen=True)
class Figure:
    """One row of the report: a value for each round, in `unit`. The median is held against the goal."""

    name: str
    unit: str
    values: Sequence[float]
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return median(self.values)

    @property
    def best(self) -> float | None:
        """The best of several rounds; None with one round, or without a goal to tell what is good."""
        return self.goal.best_of(self.values) if self.goal and len(self.values) > 1 else None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the goal; None without one."""
        return self.goal.met_by(self.median) if self.goal else None

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` writes for this row."""
        goal = {"atLeast" if self.goal.at_least else "atMost": self.goal.bound} if self.goal else None
        return {
            "name": self.name,
            "unit": self.unit,
            "values": list(self.values),
            "median": self.median,
            "goal": goal,
            "met": self.met,
        }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` % of them do not exceed (nearest rank)."""
    return sorted(values)[max(0, ceil(percent / 100 * len(values)) - 1)]


def ratios(values: Sequence[float], baselines: Sequence[float]) -> list[float]:
    """Round by round, so that what slows a whole round down does not count."""
    return [value / baseline for value, baseline in zip(values, baselines, strict=True)]
