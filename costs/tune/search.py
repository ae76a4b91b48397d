"""The search: a coarse grid over each architecture's settings, then steps along single axes from the best plans so far.

It is deterministic: the same input gives the same plans in the same order. No settings are planned twice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import Settings, Workload
from costs.tune.pareto import best_of, pareto_front, within
from costs.tune.space import Axis, Space

type Point = tuple[int, ...]
type Aim = Callable[[tuple[Plan, ...]], Plan]
type Say = Callable[[str], None]

# The most plans that the search makes for one architecture.
BUDGET = 900


@dataclass(frozen=True)
class SearchResult:
    """All possible plans that a search tried, and the Pareto front of both architectures' plans.

    `best` is None if no plan meets the deadline. `impossible` counts the settings that a limit forbids.
    """

    best: Plan | None
    front: tuple[Plan, ...]
    tried: tuple[Plan, ...]
    impossible: int

    @property
    def fastest(self) -> Plan:
        """The plan with the shortest duration. At least one plan must be possible."""
        return self.front[-1]

    def front_of(self, architecture: str) -> tuple[Plan, ...]:
        """The Pareto front of one architecture's plans, cheapest first."""
        return pareto_front(plan for plan in self.tried if plan.architecture == architecture)


def search(
    workload: Workload,
    space: Space,
    deadline_seconds: float,
    objective: str,
    planner: Planner,
    *,
    say: Say = lambda _: None,
    budget: int = BUDGET,
) -> SearchResult:
    """Find the settings that serve `objective` (cost, speed or balanced) within the deadline, and the Pareto front.

    Calls `say` with a line for each stage. Raises what `planner` raises, except Impossible.
    """

    def aim(front: tuple[Plan, ...]) -> Plan:
        return best_of(front, objective, deadline_seconds)

    plans = [plan for name in space.axes for plan in explore(name, workload, space, planner, aim, say, budget)]
    tried = tuple(filter(None, plans))
    front = pareto_front(tried)
    best = aim(front) if within(front, deadline_seconds) else None
    return SearchResult(best, front, tried, impossible=len(plans) - len(tried))


def explore(
    architecture: str, workload: Workload, space: Space, planner: Planner, aim: Aim, say: Say, budget: int
) -> list[Plan | None]:
    """Plan at most `budget` settings of one architecture; None is one that a limit forbids.

    First comes the coarse grid. Then come the neighbours of the plan that `aim` chooses from the front, until it
    chooses none of them, then the neighbours of every plan on the front, until the front stands still.
    """
    axes = space.axes[architecture]
    plans: dict[Point, Plan | None] = {}
    points: dict[int, Point] = {}

    def front() -> tuple[Plan, ...]:
        return pareto_front(filter(None, plans.values()))

    def plan_all(candidates: Iterable[Point]) -> bool:
        """Plan the points that have no plan yet. Returns whether there were any."""
        began = len(plans)
        for point in candidates:
            if point not in plans and len(plans) < budget:
                settings = space.settings(architecture, point)
                plans[point] = plan = plan_or_none(architecture, workload, settings, space, planner)
                points[id(plan)] = point
        return len(plans) > began

    say(f"{architecture}: coarse grid")
    plan_all(product(*(axis.coarse for axis in axes)))
    say(f"{architecture}: {len(plans)} settings; towards the best")
    while (found := front()) and plan_all(neighbours(points[id(aim(found))], axes)):
        pass
    say(f"{architecture}: {len(plans)} settings; along the front")
    while any([plan_all(neighbours(points[id(plan)], axes)) for plan in front()]):
        pass
    return list(plans.values())


def neighbours(point: Point, axes: Sequence[Axis]) -> Iterator[Point]:
    """The points that differ from `point` by one step on one axis."""
    for place, axis in enumerate(axes):
        for index in (point[place] - 1, point[place] + 1):
            if 0 <= index < len(axis.choices):
                yield (*point[:place], index, *point[place + 1 :])


def plan_or_none(
    architecture: str, workload: Workload, settings: Settings, space: Space, planner: Planner
) -> Plan | None:
    """The plan with these settings, None if a limit forbids them."""
    workload = space.curve.workload(workload, settings)
    try:
        plan = planner(architecture, workload, settings)
        # Plan again with the settings as the stack will apply them, so that warnings refer to what is recommended.
        return plan if plan.settings == settings else planner(architecture, workload, plan.settings)
    except Impossible:
        return None
