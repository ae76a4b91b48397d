"""The Pareto front of plans, cheap and slow to dear and fast, and which plan of it to recommend."""

import math
from collections.abc import Iterable, Sequence

from costs.plan.plan import Plan

# Plans within half a percent of each other count as equal: the planner's figures are no better than that.
EQUAL = 1.005


def order(plan: Plan) -> tuple[object, ...]:
    """Sort key: cost, then seconds. Of equal plans the one with the smaller settings, so that a search repeats."""
    settings = tuple(-1 if value is None else value for value in vars(plan.settings).values())
    return plan.cost, plan.seconds, plan.architecture, settings


def pareto_front(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """The plans that no other plan beats in both cost and seconds, cheapest first; one of equal plans."""
    front: list[Plan] = []
    for plan in sorted(plans, key=order):
        if not front or plan.seconds < front[-1].seconds:
            front.append(plan)
    return tuple(front)


def within(front: Iterable[Plan], deadline_seconds: float) -> tuple[Plan, ...]:
    """The plans of a front that meet the deadline, cheapest first."""
    return tuple(plan for plan in front if plan.seconds <= deadline_seconds)


def choose(front: Sequence[Plan], objective: str) -> Plan:
    """The plan of a front that serves the objective `cost`, `speed` or `balanced`. The front must not be empty.

    `cost` takes the fastest of the plans that cost about the same as the cheapest; `speed` takes the cheapest of the
    plans that are about as fast as the fastest.
    """
    if objective == "cost":
        return [plan for plan in front if plan.cost <= front[0].cost * EQUAL][-1]
    if objective == "speed":
        return next(plan for plan in front if plan.seconds <= front[-1].seconds * EQUAL)
    return knee(front)


def knee(front: Sequence[Plan]) -> Plan:
    """The plan where a front bends: farthest below the line between its ends, on logarithmic axes.

    Up to there a saved second costs little; beyond it, much. A front of fewer than three plans, or one that does not
    bend, gives its cheapest plan.
    """
    cheapest, fastest = front[0], front[-1]
    if len(front) < 3 or cheapest.cost <= 0:
        return cheapest
    height = math.log(cheapest.seconds / fastest.seconds)
    width = math.log(fastest.cost / cheapest.cost)

    def depth(plan: Plan) -> float:
        along = math.log(plan.cost / cheapest.cost) / width
        return 1 - along - math.log(plan.seconds / fastest.seconds) / height

    return max(front, key=depth)


def thinned(front: Sequence[Plan], size: int, keep: Plan) -> tuple[Plan, ...]:
    """At most `size` plans of a front, evenly apart in their order, for a table. Its ends and `keep` are always in."""
    step = max(1, math.ceil((len(front) - 1) / (size - 2)))
    chosen = {*range(0, len(front), step), len(front) - 1, front.index(keep)}
    return tuple(front[index] for index in sorted(chosen))
