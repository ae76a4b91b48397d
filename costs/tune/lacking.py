"""What to say when nothing meets the deadline: what was fastest, what held it up, and which quota to raise."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bootstrap.problem import Problem
from costs.format import seconds
from costs.plan.lift import advice
from costs.plan.limits import Impossible
from costs.plan.planner import Planner
from costs.plan.settings import Settings, Workload
from costs.tune.axes import brief
from costs.tune.planned import Planned
from costs.tune.space import INVOCATIONS_PER_POLLER, POLLERS, SFN_CONCURRENCY, Space
from costs.tune.words import TITLES, settings_line

# What AWS raises when asked, or by a setting of the table; the others' `lift` is a setting that the search has tried.
RAISABLE = (
    "lambda.concurrency",
    "sqs.in_flight",
    "dynamodb.table_writes_at_first",
    "dynamodb.table_writes",
    "states.transitions",
)
RAISED = 10
# So many of the widest settings are tried with a raised quota.
WIDEST = 5
# What a raise must save to be worth the request.
NOTABLE = 0.98


@dataclass(frozen=True)
class Raise:
    """A quota ten times as high, and the plan that it would allow."""

    quota: str
    value: float
    plan: Planned


def too_slow(fastest: Planned, deadline_seconds: float, planner: Planner, most_concurrency: int | None) -> Problem:
    """The problem that nothing tried is done by the deadline. `most_concurrency` is what the user's work stands."""
    message = (
        f"nothing that was tried is done within {brief(deadline_seconds)}. The fastest takes "
        f"{seconds(fastest.seconds)}: {TITLES[fastest.architecture]}, {settings_line(fastest)}; it is held up by "
        f"{fastest.bottleneck}"
    )
    if fastest.bottleneck in planner.quotas:
        figure = planner.quotas.figure(fastest.bottleneck)
        message += f", {figure.value:,g} {figure.unit}"
    found = best_raise(fastest, planner, most_concurrency or math.inf)
    if not found and most_concurrency and fastest.bottleneck in ("MaxConcurrency", "pollers"):
        return Problem(message, f"--max-concurrency-limit {most_concurrency} allows no more: raise it, or the deadline")
    if not found:
        return Problem(message, f"{fastest.bottleneck}: {advice(fastest.bottleneck, planner.quotas)}")
    lift = planner.quotas.figure(found.quota).lift
    return Problem(
        message,
        f"raise {found.quota}, to {found.value:,g} it would take {seconds(found.plan.seconds)} "
        f"({settings_line(found.plan)}): {lift}; try with --quota {found.quota}={found.value:g}",
    )


def best_raise(fastest: Planned, planner: Planner, most: float) -> Raise | None:
    """The quota whose raise speeds the fastest plan up most, with as much concurrency as it then has use for."""
    found = None
    least = fastest.seconds * NOTABLE
    for name in RAISABLE:
        value = planner.quotas[name] * RAISED
        raised = planner.with_quotas(planner.quotas.with_({name: value}))
        for settings in wider(fastest, most):
            try:
                plan = raised(fastest.architecture, fastest.workload, settings)
            except Impossible:
                continue
            if plan.seconds < least:
                found, least = Raise(name, value, plan), plan.seconds
    return found


def wider(plan: Planned, most: float) -> Iterator[Settings]:
    """The plan's settings, and the same with more at a time, up to `most`."""
    yield plan.settings
    if plan.architecture == "sqs":
        allowed = [pollers for pollers in POLLERS if pollers * INVOCATIONS_PER_POLLER <= most]
        yield from (replace(plan.settings, pollers=pollers) for pollers in allowed[-WIDEST:])
    else:
        allowed = [number for number in SFN_CONCURRENCY if number <= most]
        yield from (replace(plan.settings, max_concurrency=number) for number in allowed[-WIDEST:])


def nothing_possible(workload: Workload, space: Space, planner: Planner) -> Problem:
    """The problem that no setting at all works: each architecture's reason, as its first setting has it."""
    reasons = []
    for name, axes in space.axes.items():
        try:
            planner(name, workload, space.settings(name, [0] * len(axes)))
        except Impossible as refused:
            reasons.append(f"{TITLES[name]}: {refused}")
    return Problem("no setting can process such a batch", "; ".join(reasons))
