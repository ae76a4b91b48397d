"""What is told of a search beside its outcome: how cost and duration move with one setting, and with the size."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from costs.plan.fixed import LONGEST_DEADLINE
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload
from costs.tune.front import choose, within
from costs.tune.planned import Planned, Planner, order
from costs.tune.search import Found
from costs.tune.space import ITEMS_PER_CHUNK, Space

AT_A_TIME = (1, 2, 5, 10, 20, 50, 100)
# Among which the lever's cheapest chunk is looked for.
CHUNK_SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
SIZES = (*(factor * 10**power for power in range(2, 8) for factor in (1, 3)), 100_000_000)

# A number of items, and the plan for it.
type Curve = tuple[tuple[int, Planned], ...]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A search's outcome and the views on it; every mapping is by architecture.

    `chosen` serves the objective among that architecture's plans within the deadline, or is its fastest where none is.
    `defaults` has the stacks' default settings. `by_chunk` varies the items per chunk of the chosen settings, `by_size`
    the batch's items; `lever` varies the items at a time, each with the chunk size that is then cheapest.
    """

    workload: Workload
    deadline_seconds: float
    objective: str
    found: Found
    best: Planned
    chosen: Mapping[str, Planned]
    defaults: Mapping[str, Planned]
    lever: Mapping[str, Curve]
    by_chunk: Mapping[str, Curve]
    by_size: Mapping[str, Curve]

    def meets(self, plan: Planned) -> bool:
        """Whether it is done by the deadline."""
        return plan.seconds <= self.deadline_seconds


def study(
    workload: Workload,
    space: Space,
    deadline_seconds: float,
    objective: str,
    found: Found,
    best: Planned,
    planner: Planner,
    most_item_concurrency: int | None = None,
) -> Study:
    """Compute the views: some 200 plans more."""
    chosen = {}
    for name in space.axes:
        if front := found.of(name):
            met = within(front, deadline_seconds)
            chosen[name] = choose(met, objective) if met else front[-1]

    def plans(name: str, changes: Iterable[tuple[int, Workload, Settings]]) -> Curve:
        made = ((number, possible(planner, name, space, work, settings)) for number, work, settings in changes)
        return tuple((number, plan) for number, plan in made if plan)

    def each(view: Callable[[str, Planned], Curve]) -> dict[str, Curve]:
        return {name: view(name, plan) for name, plan in chosen.items()}

    def lever(name: str, plan: Planned) -> Curve:
        cheapest = []
        for at_a_time in AT_A_TIME:
            if at_a_time <= (most_item_concurrency or at_a_time):
                settings = replace(plan.settings, item_concurrency=at_a_time)
                sized = plans(name, ((n, workload, replace(settings, items_per_chunk=n)) for n in CHUNK_SIZES))
                cheapest += [(at_a_time, min((each for _, each in sized), key=order))] if sized else []
        return tuple(cheapest)

    def by_chunk(name: str, plan: Planned) -> Curve:
        return plans(name, ((n, workload, replace(plan.settings, items_per_chunk=n)) for n in ITEMS_PER_CHUNK))

    def by_size(name: str, plan: Planned) -> Curve:
        settings = replace(plan.settings, deadline_seconds=LONGEST_DEADLINE[name])
        return plans(name, ((n, replace(workload, items=n), settings) for n in SIZES))

    defaults = {name: possible(planner, name, space, workload, Settings()) for name in space.axes}
    return Study(
        workload=workload,
        deadline_seconds=deadline_seconds,
        objective=objective,
        found=found,
        best=best,
        chosen=chosen,
        defaults={name: plan for name, plan in defaults.items() if plan},
        lever=each(lever),
        by_chunk=each(by_chunk),
        by_size=each(by_size),
    )


def possible(planner: Planner, name: str, space: Space, workload: Workload, settings: Settings) -> Planned | None:
    """The plan, or None where a limit forbids it."""
    try:
        return planner(name, space.curve.workload(workload, settings), settings)
    except Impossible:
        return None
