"""The search: a coarse grid over each architecture's settings, then steps along single axes from the best so far.

Deterministic: the same plans in the same order for the same input. No settings are tried twice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from costs.plan.limits import Impossible
from costs.plan.settings import Workload
from costs.tune.front import choose, pareto_front, within
from costs.tune.planned import Planned, Planner
from costs.tune.space import Space

type Point = tuple[int, ...]
type Say = Callable[[str], None]

# Plans for one architecture, at most.
BUDGET = 900


@dataclass(frozen=True)
class Found:
    """What a search came to.

    `best` is None where nothing meets the deadline. `front` is what is worth choosing from among all of `tried`, which
    are the possible plans of all architectures; `impossible` counts the settings that a limit forbids.
    """

    best: Planned | None
    front: tuple[Planned, ...]
    tried: tuple[Planned, ...]
    impossible: int

    @property
    def fastest(self) -> Planned:
        """The plan that is done first; there is one unless every setting is impossible."""
        return self.front[-1]

    def of(self, architecture: str) -> tuple[Planned, ...]:
        """The front of one architecture alone, cheapest first."""
        return pareto_front(plan for plan in self.tried if plan.architecture == architecture)


class Explorer:
    """The plans of one architecture computed so far, by point."""

    def __init__(self, architecture: str, workload: Workload, space: Space, planner: Planner, budget: int):
        self.architecture = architecture
        self._workload = workload
        self._space = space
        self._planner = planner
        self._budget = budget
        self._plans: dict[Point, Planned | None] = {}
        self._points: dict[int, Point] = {}

    @property
    def plans(self) -> list[Planned]:
        """The possible ones."""
        return [plan for plan in self._plans.values() if plan]

    @property
    def impossible(self) -> int:
        """How many settings a limit forbids."""
        return len(self._plans) - len(self.plans)

    @property
    def front(self) -> tuple[Planned, ...]:
        """Of what was tried."""
        return pareto_front(self.plans)

    def grid(self) -> None:
        """Compute the coarse grid."""
        self._compute(product(*(axis.coarse for axis in self._space.axes[self.architecture])))

    def improve(self, aim: Callable[[tuple[Planned, ...]], Planned]) -> None:
        """Go on from the plan that `aim` chooses of the front until none of its neighbours is chosen instead."""
        while (front := self.front) and self._compute(self._neighbours(aim(front))):
            pass

    def widen(self) -> None:
        """Go on from every plan of the front, until all their neighbours are known or the budget is used up."""
        while any([self._compute(self._neighbours(plan)) for plan in self.front]):
            pass

    def _compute(self, points: Iterable[Point]) -> bool:
        """Plan what is not yet planned; whether there was anything."""
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

    def _plan(self, point: Point) -> Planned | None:
        settings = self._space.settings(self.architecture, point)
        workload = self._space.curve.workload(self._workload, settings)
        try:
            plan = self._planner(self.architecture, workload, settings)
            # What the search asked for nobody knows: warnings are to be of what is recommended.
            return plan if plan.settings == settings else self._planner(self.architecture, workload, plan.settings)
        except Impossible:
            return None

    def _neighbours(self, plan: Planned) -> Iterator[Point]:
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
) -> Found:
    """Find the settings that serve `objective` (cost, speed, balanced) within the deadline, and the whole front.

    `say` gets a line per stage. Raises Problem, or whatever else, only as `planner` does.
    """

    def aim(front: tuple[Planned, ...]) -> Planned:
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
    return Found(
        best=choose(met, objective) if met else None,
        front=front,
        tried=tried,
        impossible=sum(explorer.impossible for explorer in explorers),
    )
