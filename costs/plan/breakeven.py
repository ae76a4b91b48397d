"""Where the other choice becomes cheaper: between the architectures, and between the types of children.

Nothing is known beforehand: plans of both sides are compared along an axis, and the crossings are closed in on.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from costs.plan.distribution import Values
from costs.plan.limits import Impossible
from costs.plan.planner import Planner
from costs.plan.settings import Settings, Workload

SIZES = [round(10 ** (2 + step / 2)) for step in range(13)]
SHORTEST_MS = 1.0
POINTS = 12
# A crossing is known when its bounds are so close.
CLOSE = 1.02


@dataclass(frozen=True)
class Side:
    """One of two choices."""

    title: str
    architecture: str
    child_type: str | None = None

    def dollars(self, planner: Planner, workload: Workload, settings: Settings) -> float | None:
        """What the batch costs this way; None where it is impossible."""
        if self.child_type:
            settings = replace(settings, child_type=self.child_type)
        try:
            return planner(self.architecture, workload, settings).dollars
        except Impossible:
            return None


@dataclass(frozen=True)
class Stretch:
    """From `start` to `end` of the axis `cheaper` is the cheaper side, None where neither is possible.

    `only` says that the other one is impossible.
    """

    start: float
    end: float
    cheaper: str | None
    only: bool = False


@dataclass(frozen=True)
class BreakEven:
    """Two sides compared along `axis`: `items`, or `work` in milliseconds of every item."""

    sides: tuple[str, str]
    axis: str
    stretches: tuple[Stretch, ...]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "sides": list(self.sides),
            "axis": self.axis,
            "stretches": [
                {"from": each.start, "to": each.end, "cheaper": each.cheaper, "only": each.only}
                for each in self.stretches
            ],
        }


SQS = Side("SQS and DynamoDB", "sqs")
EXPRESS = Side("Step Functions, EXPRESS", "sfn", "EXPRESS")
STANDARD = Side("Step Functions, STANDARD", "sfn", "STANDARD")


def break_evens(planner: Planner, workload: Workload, settings: Settings) -> list[BreakEven]:
    """Both comparisons along both axes, everything else as asked."""
    longest = settings.function_timeout * 750.0
    ratio = (longest / SHORTEST_MS) ** (1 / (POINTS - 1))
    works = [SHORTEST_MS * ratio**step for step in range(POINTS)]

    def of_size(size: float) -> Workload:
        return replace(workload, items=round(size))

    def of_work(work: float) -> Workload:
        return replace(workload, values=Values("constant", work, work))

    def comparer(made: Callable[[float], Workload]) -> Callable[[float, Side], float | None]:
        return lambda at, side: side.dollars(planner, made(at), settings)

    axes = [("items", [float(size) for size in SIZES], of_size), ("work", works, of_work)]
    sfn = STANDARD if settings.child_type == "STANDARD" else EXPRESS
    return [
        BreakEven((one.title, other.title), axis, tuple(stretches(one, other, points, comparer(made))))
        for one, other in ((SQS, sfn), (EXPRESS, STANDARD))
        for axis, points, made in axes
    ]


def stretches(
    one: Side, other: Side, points: Iterable[float], dollars: Callable[[float, Side], float | None]
) -> Iterable[Stretch]:
    """Who is cheaper from where to where along the points."""

    def cheaper(at: float) -> tuple[str | None, bool]:
        first, second = dollars(at, one), dollars(at, other)
        if first is None and second is None:
            return None, False
        if first is None or (second is not None and second < first):
            return other.title, first is None
        return one.title, second is None

    known = [(at, cheaper(at)) for at in points]
    start, state = known[0]
    for (low, _), (high, after) in pairwise(known):
        # More than one may be crossed between two points.
        while state != after:
            low = crossing(low, high, cheaper)
            yield Stretch(start, low, *state)
            start, state = low, cheaper(low)
    yield Stretch(start, known[-1][0], *state)


def crossing(low: float, high: float, found: Callable[[float], object]) -> float:
    """Where between `low` and `high` what is found at `low` ends."""
    at_low = found(low)
    while high / low > CLOSE:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if found(middle) == at_low else (low, middle)
    return high
