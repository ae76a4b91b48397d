"""The search: a coarse grid over each architecture's settings, then steps along single axes from the best plans so far.

It is deterministic: the same input gives the same plans in the same order. No settings are planned twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.planner import Planner
from costs.plan.settings import Workload
from costs.tune.pareto import choose, pareto_front, within
from costs.tune.space import Space

type Point = tuple[int, ...]
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


class Explorer:
    """The plans of one architecture so far, by their point in the search space."""

    def __init__(self, architecture: str, workload: Workload, space: Space, planner: Planner, budget: int):
        self.architecture = architecture
        self._workload = workload
        self._space = space
        self._planner = planner
        self._budget = budget
        self._plans: dict[Point, Plan | None] = {}
        self._points: dict[int, Point] = {}

    @property
    def plans(self) -> list[Plan]:
        """The possible plans."""
        return [plan for plan in self._plans.values() if plan]

    @property
    def impossible(self) -> int:
        """The number of settings that a limit forbids."""
        return len(self._plans) - len(self.plans)

    def grid(self) -> None:
        """Plan every point of the coarse grid."""
        self._plan_all(product(*(axis.coarse for axis in self._space.axes[self.architecture])))

    def improve(self, aim: Callable[[tuple[Plan, ...]], Plan]) -> None:
        """Plan the neighbours of the plan that `aim` chooses from the front, until it chooses none of them."""
        while (front := pareto_front(self.plans)) and self._plan_all(self._neighbours(aim(front))):
            pass

    def widen(self) -> None:
        """Plan the neighbours of every plan on the front, until the front stands still or the budget is used up."""
        while any([self._plan_all(self._neighbours(plan)) for plan in pareto_front(self.plans)]):
            pass

    def _plan_all(self, points: Iterable[Point]) -> bool:
        """Plan the points that have no plan yet. Returns whether there were any."""
        began = len(self._plans)
        for point in points:
            if point in self._plans:
                continue
            if len(self._plans) >= self._budget:
                break
            self._plans[point] = plan = self._plan(point)
            if plan:
                self._points[id(plan)] = point
        return len(self._plans) > began

    def _plan(self, point: Point) -> Plan | None:
        settings = self._space.settings(self.architecture, point)
        workload = self._space.curve.workload(self._workload, settings)
        try:
            plan = self._planner(self.architecture, workload, settings)
            # Plan again with the settings as the stack will apply them, so that warnings refer to what is recommended.
            return plan if plan.settings == settings else self._planner(self.architecture, workload, plan.settings)
        except Impossible:
            return None

    def _neighbours(self, plan: Plan) -> Iterator[Point]:
        point = self._points[id(plan)]
        for place, axis in enumerate(self._space.axes[self.architecture]):
            for index in (point[place] - 1, point[place] + 1):
                if 0 <= index < len(axis.choices):
                    yield (*point[:place], index, *point[place + 1 :])


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
        return choose(met, objective) if (met := within(front, deadline_seconds)) else front[-1]

    explorers = [Explorer(name, workload, space, planner, budget) for name in space.axes]
    for explorer in explorers:
        say(f"{explorer.architecture}: coarse grid")
        explorer.grid()
        say(f"{explorer.architecture}: {len(explorer.plans)} plans; towards the best")
        explorer.improve(aim)
        say(f"{explorer.architecture}: {len(explorer.plans)} plans; along the front")
        explorer.widen()
    tried = tuple(plan for explorer in explorers for plan in explorer.plans)
    front = pareto_front(tried)
    met = within(front, deadline_seconds)
    return SearchResult(
        best=choose(met, objective) if met else None,
        front=front,
        tried=tried,
        impossible=sum(explorer.impossible for explorer in explorers),
    )
