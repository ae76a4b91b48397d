"""A study: the search's recommendation compared with the other architecture and the default settings, in sentences.

A search without a recommendation is an error, which says why: no plan meets the deadline, or no settings are possible.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds, short_seconds
from costs.month.months import Months, months
from costs.plan.bottleneck import advice, described
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.settings import Settings
from costs.tune.pareto import order
from costs.tune.search import SearchRequest, SearchResult, search
from costs.tune.space import CANDIDATES
from costs.tune.stack_parameters import settings_line, sum_and_time

# Doubling a quota helps if the batch then takes less than this share of its time.
NOTABLE = 0.98
AIMS = {"cost": "Cheapest", "speed": "Fastest", "balanced": "Best balance of cost and speed"}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A search's result, and plans to compare it with; every mapping is by architecture.

    `best` is the recommendation. `chosen` has each architecture's best plan within the deadline, or its fastest if none
    meets it. `defaults` has the plans with the stacks' default settings. `by_item_concurrency` has the cheapest plan
    tried with each item concurrency of the coarse grid. `months` has the month of each plan in `chosen`, if the request
    has a schedule.
    """

    request: SearchRequest
    result: SearchResult
    best: Plan
    chosen: Mapping[str, Plan]
    defaults: Mapping[str, Plan]
    by_item_concurrency: Mapping[str, Mapping[int, Plan]]
    months: Months | None = None

    @property
    def aim(self) -> str:
        """The objective and the deadline in words."""
        return f"{AIMS[self.request.objective]} within {short_seconds(self.request.deadline_seconds)}"


def study(request: SearchRequest) -> Study:
    """Search as `search` does, and compare the result with the other architecture and the default settings.

    Raises Problem if no plan meets the deadline, or no settings are possible.
    """
    result = search(request)
    if not result.tried:
        raise nothing_possible(request)
    if result.best is None:
        raise too_slow(request, result.fastest)
    names = request.space.axes
    fronts = {name: front for name in names if (front := result.front_of(name))}
    chosen = {name: request.best_of(front) for name, front in fronts.items()}
    return Study(
        request=request,
        result=result,
        best=result.best,
        chosen=chosen,
        months=months(chosen, request.per_day, request.planner, request.deadline_seconds) if request.per_day else None,
        defaults={name: plan for name in names if (plan := request.plan(name, Settings()))},
        by_item_concurrency={name: cheapest_by_item_concurrency(result, name) for name in fronts},
    )


def cheapest_by_item_concurrency(result: SearchResult, architecture: str) -> dict[int, Plan]:
    """The cheapest of one architecture's plans with each item concurrency of the coarse grid, and with the largest."""
    plans = sorted((plan for plan in result.tried if plan.architecture == architecture), key=order, reverse=True)
    cheapest = {plan.settings.item_concurrency: plan for plan in plans}
    grid = CANDIDATES["item_concurrency"][1] | {max(cheapest)}
    return {number: cheapest[number] for number in sorted(grid & set(cheapest))}


def headline(study: Study) -> str:
    """The recommendation in a sentence."""
    best = study.best
    title, items = ARCHITECTURE_TITLES[best.architecture], count(best.workload.items, "item")
    return f"{title}: {dollars(best.dollars)} for {items} in {seconds(best.seconds)}"


def comparisons(study: Study) -> list[str]:
    """The bottleneck, the other architecture, and the default settings, a sentence each."""
    best = study.best
    others = {
        f"{ARCHITECTURE_TITLES[name]} with the same objective": plan
        for name, plan in study.chosen.items()
        if name != best.architecture
    }
    if default := study.defaults.get(best.architecture):
        others["The same stack with its default settings"] = default
    late = {True: "", False: ", after the deadline"}
    compared = [f"{title}: {sum_and_time(plan)}{late[study.request.meets(plan)]}." for title, plan in others.items()]
    return [f"Held up by {best.bottleneck}.", *compared]


def too_slow(request: SearchRequest, fastest: Plan) -> Problem:
    """The error that no plan meets the deadline, with the fastest plan, its bottleneck and what to raise.

    If the bottleneck is a quota that can be raised, it searches again with twice that.
    """
    name, quotas = fastest.bottleneck, request.planner.quotas
    message = (
        f"no plan meets the deadline of {short_seconds(request.deadline_seconds)}. The fastest takes "
        f"{seconds(fastest.seconds)}: {ARCHITECTURE_TITLES[fastest.architecture]}, {settings_line(fastest)}; it is "
        f"held up by {described(fastest, quotas)}"
    )
    if (limit := request.space.max_concurrency) and name in ("MaxConcurrency", "pollers"):
        return Problem(message, f"--max-concurrency-limit {limit} allows no more: raise it, or the deadline")
    hint = f"{name}: {advice(name, quotas)}"
    if name in quotas and quotas.figure(name).lift:
        raised = replace(request.planner, quotas=quotas.with_({name: quotas[name] * 2}))
        faster = search(replace(request, objective="speed", planner=raised)).fastest
        if faster.seconds < fastest.seconds * NOTABLE:
            quota = f"--quota {name}={raised.quotas[name]:g}"
            hint += f"; with {quota} the batch takes {seconds(faster.seconds)} ({settings_line(faster)})"
    return Problem(message, hint)


def nothing_possible(request: SearchRequest) -> Problem:
    """The error that no settings are possible, with the limit that forbids the first settings of each architecture."""
    reasons = []
    for name, axes in request.space.axes.items():
        try:
            request.planner(name, request.workload, request.space.settings(name, [0] * len(axes)))
        except Impossible as refused:
            reasons.append(f"{ARCHITECTURE_TITLES[name]}: {refused}")
    return Problem("no setting can process such a batch", "; ".join(reasons))
