"""A study: the search's recommendation compared with the other architecture and the default settings, in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.planner import Planner
from costs.plan.settings import Settings, Workload
from costs.tune.pareto import choose, order, within
from costs.tune.search import BUDGET, Say, SearchResult, search
from costs.tune.space import Space
from costs.tune.too_slow import nothing_possible, too_slow

ITEM_CONCURRENCIES = (1, 2, 5, 10, 20, 50, 100)
# The chunk sizes from which each item concurrency takes its cheapest.
CHUNK_SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
AIMS = {"cost": "Cheapest", "speed": "Fastest", "balanced": "Best balance of cost and speed"}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A search's result, and plans to compare it with; every mapping is by architecture.

    `best` is the recommendation. `chosen` has each architecture's best plan within the deadline, or its fastest if none
    meets it. `defaults` has the plans with the stacks' default settings. `by_item_concurrency` has the best plan's
    settings with other item concurrencies, each with the chunk size that is then cheapest.
    """

    deadline_seconds: float
    objective: str
    result: SearchResult
    best: Plan
    chosen: Mapping[str, Plan]
    defaults: Mapping[str, Plan]
    by_item_concurrency: Mapping[str, Mapping[int, Plan]]

    def meets(self, plan: Plan) -> bool:
        """Whether the plan meets the deadline."""
        return plan.seconds <= self.deadline_seconds


def study(
    workload: Workload,
    space: Space,
    deadline_seconds: float,
    objective: str,
    planner: Planner,
    *,
    say: Say = lambda _: None,
    budget: int = BUDGET,
) -> Study:
    """Search as `search` does, then make about 50 plans for each architecture to compare the result with.

    Raises Problem if no plan meets the deadline, or no settings are possible.
    """
    result = search(workload, space, deadline_seconds, objective, planner, say=say, budget=budget)
    if not result.tried:
        raise nothing_possible(workload, space, planner)
    if result.best is None:
        raise too_slow(result.fastest, deadline_seconds, planner, space.max_concurrency)
    say("comparing the recommendation")
    chosen = {}
    for name in space.axes:
        if front := result.front_of(name):
            met = within(front, deadline_seconds)
            chosen[name] = choose(met, objective) if met else front[-1]

    def plan(name: str, settings: Settings) -> Plan | None:
        try:
            return planner(name, space.curve.workload(workload, settings), settings)
        except Impossible:
            return None

    def cheapest(name: str, item_concurrency: int) -> Plan | None:
        settings = replace(chosen[name].settings, item_concurrency=item_concurrency)
        plans = [plan(name, replace(settings, items_per_chunk=size)) for size in CHUNK_SIZES]
        return min(filter(None, plans), key=order, default=None)

    limit = space.max_item_concurrency
    numbers = [number for number in ITEM_CONCURRENCIES if limit is None or number <= limit]
    return Study(
        deadline_seconds=deadline_seconds,
        objective=objective,
        result=result,
        best=result.best,
        chosen=chosen,
        defaults={name: default for name in space.axes if (default := plan(name, Settings()))},
        by_item_concurrency={
            name: {number: found for number in numbers if (found := cheapest(name, number))} for name in chosen
        },
    )


def headline(study: Study) -> str:
    """The recommendation in a sentence."""
    best = study.best
    return (
        f"{ARCHITECTURE_TITLES[best.architecture]}: {dollars(best.dollars)} for {count(best.workload.items, 'item')} "
        f"in {seconds(best.seconds)}"
    )


def comparisons(study: Study) -> list[str]:
    """The bottleneck, the other architecture, and the default settings, a sentence each."""
    best = study.best
    sentences = [f"Held up by {best.bottleneck}."]
    for name, other in study.chosen.items():
        if name != best.architecture:
            which = "with the same objective" if study.meets(other) else "misses the deadline even at its fastest"
            sentences.append(
                f"{ARCHITECTURE_TITLES[name]} {which}: {dollars(other.dollars)} in {seconds(other.seconds)}."
            )
    if default := study.defaults.get(best.architecture):
        late = "" if study.meets(default) else ", after the deadline"
        sentences.append(
            f"The same stack with its default settings: {dollars(default.dollars)} in {seconds(default.seconds)}{late}."
        )
    return sentences
