"""Which plans are worth choosing from, and which of these to choose. Pure."""

import math
from collections.abc import Iterable, Sequence

from costs.tune.planned import Planned, order

# Half a percent: far below what the figures that a plan rests on are good to.
HARDLY = 1.005


def pareto_front(plans: Iterable[Planned]) -> tuple[Planned, ...]:
    """The plans to which no other is preferable in both dollars and seconds, cheapest first; of equals, one."""
    front: list[Planned] = []
    for plan in sorted(plans, key=order):
        if not front or plan.seconds < front[-1].seconds:
            front.append(plan)
    return tuple(front)


def within(front: Iterable[Planned], deadline_seconds: float) -> tuple[Planned, ...]:
    """The part of a front that meets the deadline; still cheapest first."""
    return tuple(plan for plan in front if plan.seconds <= deadline_seconds)


def choose(front: Sequence[Planned], objective: str) -> Planned:
    """The plan of a front, which is not empty, that serves the objective: cost, speed or balanced.

    What a plan cannot tell apart counts as equal: of those hardly dearer than the cheapest the fastest is taken, and of
    those hardly slower than the fastest the cheapest.
    """
    if objective == "cost":
        return [plan for plan in front if plan.dollars <= front[0].dollars * HARDLY][-1]
    if objective == "speed":
        return next(plan for plan in front if plan.seconds <= front[-1].seconds * HARDLY)
    return knee(front)


def knee(front: Sequence[Planned]) -> Planned:
    """Where a front bends: the plan farthest below the line between its ends, both axes logarithmic.

    That far a saved second is cheap and beyond it dear (or the other way round). A front without a bend, or of fewer
    than three plans, yields its cheapest.
    """
    cheapest, fastest = front[0], front[-1]
    if len(front) < 3 or cheapest.dollars <= 0:
        return cheapest
    height = math.log(cheapest.seconds / fastest.seconds)
    width = math.log(fastest.dollars / cheapest.dollars)

    def below(plan: Planned) -> float:
        along = math.log(plan.dollars / cheapest.dollars) / width
        return 1 - along - math.log(plan.seconds / fastest.seconds) / height

    return max(front, key=below)


def thinned(front: Sequence[Planned], most: int, keep: Planned | None = None) -> tuple[Planned, ...]:
    """At most `most` plans of a front, evenly apart in log duration, its ends and `keep` among them: for a table."""
    if len(front) <= most:
        return tuple(front)
    low, high = (math.log(plan.seconds) for plan in (front[-1], front[0]))
    targets = [high - (high - low) * step / (most - 1) for step in range(most)]
    nearest = [min(range(len(front)), key=lambda i: (abs(math.log(front[i].seconds) - t), i)) for t in targets]
    chosen = sorted({0, len(front) - 1, *nearest})
    if keep in front:
        index = front.index(keep)
        if index not in chosen:
            chosen.remove(min(chosen[1:-1], key=lambda i: abs(i - index)))
            chosen.append(index)
    return tuple(front[index] for index in sorted(chosen))
