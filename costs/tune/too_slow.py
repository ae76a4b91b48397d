"""The errors of a search without a recommendation: no plan meets the deadline, or no settings are possible."""

import math
from dataclasses import replace

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import seconds, short_seconds
from costs.plan.bottleneck import advice, described
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import Workload
from costs.tune.space import INVOCATIONS_PER_POLLER, Space
from costs.tune.stack_parameters import settings_line

# Doubling a quota helps if the batch then takes less than this share of its time.
NOTABLE = 0.98


def too_slow(fastest: Plan, deadline_seconds: float, planner: Planner, max_concurrency: int | None) -> Problem:
    """The error that no plan meets the deadline, with the fastest plan, its bottleneck and what to raise.

    `max_concurrency` is the limit of the user's code, None if there is none.
    """
    name = fastest.bottleneck
    message = (
        f"no plan meets the deadline of {short_seconds(deadline_seconds)}. The fastest takes "
        f"{seconds(fastest.seconds)}: {ARCHITECTURE_TITLES[fastest.architecture]}, {settings_line(fastest)}; it is "
        f"held up by {described(fastest, planner.quotas)}"
    )
    if max_concurrency and name in ("MaxConcurrency", "pollers"):
        return Problem(message, f"--max-concurrency-limit {max_concurrency} allows no more: raise it, or the deadline")
    hint = f"{name}: {advice(name, planner.quotas)}"
    if raised := with_doubled_quota(fastest, planner, max_concurrency):
        quota = f"--quota {name}={planner.quotas[name] * 2:g}"
        hint += f"; with {quota} the batch takes {seconds(raised.seconds)} ({settings_line(raised)})"
    return Problem(message, hint)


def with_doubled_quota(fastest: Plan, planner: Planner, max_concurrency: int | None) -> Plan | None:
    """The plan with its bottleneck doubled, and the concurrency too if the user's code has no limit.

    None if the bottleneck is no quota, or a hard limit, or if doubling it hardly helps.
    """
    name, settings = fastest.bottleneck, fastest.settings
    if name not in planner.quotas or not planner.quotas.figure(name).lift:
        return None
    if not max_concurrency and fastest.architecture == "sfn":
        settings = replace(settings, max_concurrency=2 * settings.max_concurrency)
    elif not max_concurrency:
        pollers = settings.pollers or math.ceil(settings.max_concurrency / INVOCATIONS_PER_POLLER)
        settings = replace(settings, pollers=2 * pollers)
    try:
        doubled = planner.quotas.with_({name: planner.quotas[name] * 2})
        plan = replace(planner, quotas=doubled)(fastest.architecture, fastest.workload, settings)
    except Impossible:
        return None
    return plan if plan.seconds < fastest.seconds * NOTABLE else None


def nothing_possible(workload: Workload, space: Space, planner: Planner) -> Problem:
    """The error that no settings are possible, with the limit that forbids the first settings of each architecture."""
    reasons = []
    for name, axes in space.axes.items():
        try:
            planner(name, workload, space.settings(name, [0] * len(axes)))
        except Impossible as refused:
            reasons.append(f"{ARCHITECTURE_TITLES[name]}: {refused}")
    return Problem("no setting can process such a batch", "; ".join(reasons))
