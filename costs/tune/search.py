"""The search: a coarse grid over each architecture's settings, then steps along single axes from the best plans so far.

It is deterministic: the same input gives the same plans in the same order. No settings are planned twice.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from costs.month.month import month_of
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import Settings, Workload
from costs.tune.pareto import choose, pareto_front, within
from costs.tune.space import Axis, Space

type Point = tuple[int, ...]

# The most plans that the search makes for one architecture.
BUDGET = 900


@dataclass(frozen=True)
class SearchRequest:
    """A search for the settings that serve `objective` (cost, speed or balanced) within the deadline.

    With `per_day` batches a day, the cost is that of the month, the stack at rest included. The search calls `say` with
    a line for each stage, and makes at most `budget` plans for one architecture.
    """

    workload: Workload
    space: Space
    deadline_seconds: float
    objective: str
    planner: Planner
    say: Callable[[str], None] = lambda _: None
    budget: int = BUDGET
    per_day: float | None = None

    def meets(self, plan: Plan) -> bool:
        """Whether the plan meets the deadline."""
        return plan.seconds <= self.deadline_seconds

    def best_of(self, front: Sequence[Plan]) -> Plan:
        """The plan of a front that serves the objective within the deadline; its fastest if none meets the deadline."""
        met = within(front, self.deadline_seconds)
        return choose(met, self.objective) if met else front[-1]

    def plan(self, architecture: str, settings: Settings) -> Plan | None:
        """The plan with these settings, None if a limit forbids them."""
        workload = self.space.curve.workload(self.workload, settings)
        try:
            plan = self.planner(architecture, workload, settings)
            if plan.settings != settings:
                # With the settings as the stack will apply them, so that warnings refer to what is recommended.
                plan = self.planner(architecture, workload, plan.settings)
        except Impossible:
            return None
        if self.per_day is None:
            return plan
        return replace(plan, month_dollars=month_of(plan, self.per_day, self.planner.book).dollars)


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


def search(request: SearchRequest) -> SearchResult:
    """Search the space of the request. Raises what its planner raises, except Impossible."""
    plans = [plan for name in request.space.axes for plan in explore(request, name)]
    tried = tuple(filter(None, plans))
    front = pareto_front(tried)
    best = request.best_of(front) if front and request.meets(front[-1]) else None
    return SearchResult(best, front, tried, impossible=len(plans) - len(tried))


def explore(request: SearchRequest, architecture: str) -> list[Plan | None]:
    """Plan the settings of one architecture within the budget; None is one that a limit forbids.

    First comes the coarse grid. Then come the neighbours of the best plan of the front, until it is better than
    all of them, then the neighbours of every plan on the front, until the front stands still.
    """
    axes, say = request.space.axes[architecture], request.say
    plans: dict[Point, Plan | None] = {}
    points: dict[int, Point] = {}

    def front() -> tuple[Plan, ...]:
        return pareto_front(filter(None, plans.values()))

    def plan_all(candidates: Iterable[Point]) -> bool:
        """Plan the points that have no plan yet. Returns whether there were any."""
        began = len(plans)
        for point in candidates:
            if point not in plans and len(plans) < request.budget:
                plans[point] = plan = request.plan(architecture, request.space.settings(architecture, point))
                points[id(plan)] = point
        return len(plans) > began

    say(f"{architecture}: coarse grid")
    plan_all(product(*([index for index, (_, coarse) in enumerate(axis) if coarse] for axis in axes)))
    say(f"{architecture}: {len(plans)} settings; towards the best")
    while (found := front()) and plan_all(neighbours(points[id(request.best_of(found))], axes)):
        pass
    say(f"{architecture}: {len(plans)} settings; along the front")
    while any([plan_all(neighbours(points[id(plan)], axes)) for plan in front()]):
        pass
    return list(plans.values())


def neighbours(point: Point, axes: Sequence[Axis]) -> Iterator[Point]:
    """The points that differ from `point` by one step on one axis."""
    for place, axis in enumerate(axes):
        for index in (point[place] - 1, point[place] + 1):
            if 0 <= index < len(axis):
                yield (*point[:place], index, *point[place + 1 :])
