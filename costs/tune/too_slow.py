"""The errors of a search without a recommendation: no plan meets the deadline, or no settings are possible."""

from dataclasses import replace

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import seconds, short_seconds
from costs.plan.bottleneck import advice, described
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.tune.search import SearchRequest, search
from costs.tune.stack_parameters import settings_line

# Doubling a quota helps if the batch then takes less than this share of its time.
NOTABLE = 0.98


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
