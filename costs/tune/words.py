"""A study in sentences and figures, for the terminal and the report alike. Pure."""

import math

from costs.format import dollars, seconds
from costs.tune.axes import brief
from costs.tune.planned import Planned, per_million
from costs.tune.study import Study

TITLES = {"sqs": "SQS and DynamoDB", "sfn": "Step Functions"}
AIMS = {"cost": "Cheapest", "speed": "Fastest", "balanced": "Best balance of cost and speed"}


def rounded(number: float) -> str:
    """Items as people say them: `1.5 million`, `250,000`."""
    if number < 1_000_000:
        return f"{number:,.0f}"
    return f"{number / 1_000_000:,.4g} million"


def cents(amount: float) -> str:
    """Money in two significant digits, as short as labels of charts must be: `4.1¢`, `$3.4`, `$120`."""
    if amount <= 0:
        return "$0"
    shown = amount * 100 if amount < 1 else amount
    digits = max(0, 1 - math.floor(math.log10(shown)))
    return f"{shown:.{digits}f}¢" if amount < 1 else f"${shown:,.{digits}f}"


def times(ratio: float) -> str:
    """`1.4 times`, `57 times`."""
    return f"{ratio:,.{1 if ratio < 10 else 0}f} times"


def compared(cost: float, whole: float) -> float:
    """How many times the one is the other. Prices may be 0: nothing is as much as nothing."""
    return cost / whole if whole else math.inf if cost else 1.0


def headline(study: Study) -> str:
    """The recommendation in a sentence."""
    best = study.best
    return (
        f"{TITLES[best.architecture]}: {dollars(best.dollars)} for {rounded(study.workload.items)} items, "
        f"done in {seconds(best.seconds)}"
    )


def comparison(study: Study) -> str:
    """How the other architecture compares, in a sentence; empty where there is only one."""
    best = study.best
    others = [plan for plan in study.chosen.values() if plan.architecture != best.architecture]
    if not others:
        return ""
    [other] = others
    title = TITLES[other.architecture]
    if not study.meets(other):
        at_best = f"{seconds(other.seconds)} at the fastest, for {dollars(other.dollars)}"
        return f"{title} does not meet the deadline: {at_best}."
    return (
        f"{title} at its best for the same aim: {dollars(other.dollars)} in {seconds(other.seconds)}, "
        f"{times(compared(other.dollars, best.dollars))} the cost."
    )


def against_defaults(study: Study) -> str:
    """What the recommendation saves against the stack's default settings; empty where these are impossible."""
    default = study.defaults.get(study.best.architecture)
    if not default:
        return ""
    return f"The same stack's default settings: {dollars(default.dollars)} in {seconds(default.seconds)}" + (
        "." if study.meets(default) else ", past the deadline."
    )


def cost_finding(study: Study) -> str:
    """Title of the chart of cost against duration."""
    best = study.best
    others = [plan for plan in study.chosen.values() if plan.architecture != best.architecture]
    title, deadline = TITLES[best.architecture], brief(study.deadline_seconds)
    if not others:
        return f"{title}: {dollars(best.dollars)} within {deadline}"
    [other] = others
    if not study.meets(other):
        return f"Only {title} is done within {deadline}"
    ratio = compared(other.dollars, best.dollars)
    if study.objective == "speed":
        return f"{title} is done {times(other.seconds / best.seconds)} as fast as {TITLES[other.architecture]}"
    if ratio < 1:
        return (
            f"{title} is the better balance within {deadline}; {TITLES[other.architecture]} costs less but takes longer"
        )
    return f"Within {deadline}, {TITLES[other.architecture]} costs {times(ratio)} as much as {title}"


def service_finding(study: Study) -> str:
    """Title of the chart of cost by service."""
    each = " and ".join(
        f"{dollars(plan.bill.part(own=False).per_million() or 0.0)} with {TITLES[name]}"
        for name, plan in study.chosen.items()
    )
    return f"Orchestration of a million items costs {each}; the rest is your own work"


def chunk_finding(study: Study, slack: float = 0.05) -> str:
    """Title of the chart of cost against items per chunk."""
    curve = study.by_chunk[study.best.architecture]
    least = min(per_million(plan) for _, plan in curve)
    enough = next(size for size, plan in curve if per_million(plan) <= least * (1 + slack))
    first, cost = curve[0][0], per_million(curve[0][1])
    what = "one item" if first == 1 else f"{first:,} items"
    return (
        f"Chunks of {enough:,} items are within {slack:.0%} of the cheapest; chunks of {what} cost "
        f"{times(compared(cost, least))} as much"
    )


def size_finding(study: Study) -> str:
    """Title of the chart of duration against the batch's size."""
    (small, first), *_, (large, last) = study.by_size[study.best.architecture]
    return (
        f"With these settings {rounded(small)} items take {seconds(first.seconds)}, and {rounded(large)} "
        f"{seconds(last.seconds)}, held up by {last.bottleneck}"
    )


def lever_finding(study: Study) -> str:
    """Title of the chart of cost against the items at a time."""
    (few, dear), *_, (many, cheap) = study.lever[study.best.architecture]
    return (
        f"{many:,} items at a time instead of {few:,} bring a million items from "
        f"{dollars(per_million(dear))} down to {dollars(per_million(cheap))}"
    )


def settings_line(plan: Planned) -> str:
    """The settings that were searched, in a line: for tables and what a chart shows under the pointer."""
    settings = plan.settings
    at_a_time = (
        f"MaxConcurrency {settings.max_concurrency:,}" if settings.pollers is None else f"{settings.pollers:,} pollers"
    )
    own = f"BatchSize {settings.batch_size:,}" if plan.architecture == "sqs" else f"{settings.child_type} children"
    return (
        f"{settings.items_per_chunk:,} items per chunk, {settings.item_concurrency} at a time, "
        f"{own}, {at_a_time}, {settings.processor_memory:,} MB"
    )
