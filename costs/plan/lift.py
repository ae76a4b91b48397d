"""What would come of lifting what holds a batch up: the same plan with it raised, as far as it goes."""

from dataclasses import dataclass, replace
from typing import Any

from costs.facts.quotas import Quotas
from costs.plan import fixed
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.planner import Planner
from costs.plan.settings import Settings
from costs.plan.sfn_time import BATCHER
from costs.plan.sqs_time import BATCHERS
from costs.plan.timing import LATENCY, WORK

# What to do about what is no quota; a quota's entry says it itself.
ADVICE = {
    "MaxConcurrency": "deploy with --parameter MaxConcurrency=N",
    "ItemConcurrency": "more items of a chunk at a time, as long as they wait rather than compute",
    "ItemsPerChunk": "a parameter of the stack, and a field of the request",
    "ChunksPerSegment": "smaller segments are made side by side",
    "BatchSize": "the messages of an invocation wait for one another: take fewer",
    "pollers": "deploy with --parameter ProvisionedPollers=N",
    "RetryDelaySeconds": "what fails is tried again at the very end: lower it, or MaxAttempts",
    BATCHERS: "its MaximumConcurrency is the template's and no parameter: edit it, or take more items per chunk",
    BATCHER: "one batcher writes all chunks: more memory in the template is as much more CPU, up to "
    f"{Quotas.load()['lambda.memory_per_vcpu']:,.0f} MB",
    WORK: "a chunk's longest item: only less work in it helps",
    LATENCY: "cold starts and the services' own latencies: no setting of a batch so small helps",
}
# Hard limits, and those that more of another setting meets sooner: what to raise instead.
INSTEAD = {
    "states.express_dispatch": "items_per_chunk",
    "states.standard_dispatch": "items_per_chunk",
    "states.transitions": "items_per_chunk",
    "dynamodb.partition_writes": "items_per_chunk",
    "dynamodb.table_writes_at_first": "items_per_chunk",
    "dynamodb.table_writes": "items_per_chunk",
    "lambda.requests_per_concurrency": "items_per_chunk",
    "lambda.sqs_ramp_per_minute": "pollers",
    "lambda.sqs_concurrency": "pollers",
    "lambda.provisioned_poller_bytes": "pollers",
    "lambda.provisioned_poller_polls": "pollers",
    "MaxConcurrency": "max_concurrency",
    "ItemConcurrency": "item_concurrency",
    "pollers": "pollers",
    BATCHERS: "items_per_chunk",
}
HARD = {"states.parallel_children", "lambda.scaling_per_10_seconds"}
OPTIONS = {
    "items_per_chunk": "--items-per-chunk",
    "pollers": "--pollers",
    "max_concurrency": "--max-concurrency",
    "item_concurrency": "--item-concurrency",
}
FACTORS = (2, 10)
FIRST_POLLERS = 100
NOTABLY = 0.98


@dataclass(frozen=True)
class Lifted:
    """The plan with `option` (as the command line has it) instead of what held the batch up."""

    option: str
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        """What came of it."""
        plan = self.plan
        return {
            "option": self.option,
            "seconds": plan.seconds,
            "dollars": plan.dollars,
            "bottleneck": plan.bottleneck,
        }


def advice(name: str, quotas: Quotas) -> str:
    """What to do about what holds the batch up."""
    if name in quotas:
        figure = quotas.figure(name)
        return figure.lift or "a hard limit"
    return ADVICE.get(name, "a parameter of the stack")


def described(plan: Plan, quotas: Quotas) -> str:
    """What holds the batch up, with its figure: `MaxConcurrency, 10 at a time`."""
    name = plan.bottleneck
    if name in quotas:
        figure = quotas.figure(name)
        return f"{name}, {figure.value:,g} {figure.unit}"
    settings = plan.settings
    figures = {
        "MaxConcurrency": f"{settings.max_concurrency:,} chunks at a time"
        if plan.architecture == "sfn"
        else f"{settings.max_concurrency:,} processors at a time",
        "ItemConcurrency": f"{settings.item_concurrency:,} of a chunk's {settings.items_per_chunk:,} items at a time",
        "BatchSize": f"{settings.batch_size:,} messages of an invocation, one after the other",
        "ChunksPerSegment": f"{settings.chunks_per_segment:,} chunks are one batcher's",
        "pollers": f"{settings.pollers or 0:,} of ten invocations each",
        BATCHERS: f"{fixed.SQS_BATCHERS} batchers at a time",
        BATCHER: f"{fixed.ORCHESTRATION_MEMORY} MB, one batcher",
        WORK: "the longest item of a chunk",
        LATENCY: "starting and finishing",
        "RetryDelaySeconds": f"{settings.retry_delay_seconds:,} s, {settings.max_attempts} attempts",
    }
    return f"{name}, {figures[name]}"


def lifts(plan: Plan, asked: Settings, planner: Planner) -> list[Lifted]:
    """Plans with the bottleneck twice and ten times as high, and as high as it goes, as long as they get faster.

    `asked` are the settings that were asked for. Where nothing is faster, the one that shows what binds instead.
    """
    found: list[Lifted] = []
    for option, settings, quotas in candidates(plan, asked, planner.quotas):
        try:
            lifted = Lifted(option, planner.with_quotas(quotas)(plan.architecture, plan.workload, settings))
        except Impossible:
            continue
        if not found or lifted.plan.seconds < found[-1].plan.seconds * NOTABLY:
            found.append(lifted)
    if len(found) > 1 and found[0].plan.seconds > plan.seconds * NOTABLY:
        del found[0]
    return found


def candidates(plan: Plan, asked: Settings, quotas: Quotas) -> list[tuple[str, Settings, Quotas]]:
    """Options of the command line to try, with what they make of the settings and quotas."""
    name = plan.bottleneck
    field = INSTEAD.get(name)
    if name == "ChunksPerSegment":
        field_value = max(1, -(-plan.timing.chunks // fixed.SQS_BATCHERS))
        return [(f"--chunks-per-segment {field_value}", replace(asked, chunks_per_segment=field_value), quotas)]
    if name == "BatchSize":
        return [("--batch-size 1", replace(asked, batch_size=1), quotas)]
    if name == "MaxConcurrency" and asked.max_concurrency >= quotas["lambda.concurrency"]:
        # The next one to bind, at once.
        name = "lambda.concurrency"
        field = None
    if field:
        now = getattr(asked, field)
        values = tried_values(field, now, plan.architecture, quotas)
        changes: list[dict[str, Any]] = [{field: value} for value in values]
        return [(f"{OPTIONS[field]} {change[field]}", replace(asked, **change), quotas) for change in changes]
    if name in quotas and name not in HARD:
        raised = [quotas[name] * factor for factor in FACTORS]
        if name == "lambda.concurrency":
            return [with_concurrency(plan.architecture, int(value), asked, quotas) for value in raised]
        return [(f"--quota {name}={value:.0f}", asked, quotas.with_({name: value})) for value in raised]
    return []


def with_concurrency(architecture: str, value: int, asked: Settings, quotas: Quotas) -> tuple[str, Settings, Quotas]:
    """Lambda's concurrency raised, and with it what would not let a batch use it."""
    lifted = quotas.with_({"lambda.concurrency": value})
    option = f"--quota lambda.concurrency={value}"
    most = most_of("max_concurrency", architecture, quotas)
    each = int(quotas["lambda.provisioned_poller_concurrency"])
    if architecture == "sqs" and (asked.pollers or value > most):
        pollers = min(most_of("pollers", architecture, quotas), max(asked.pollers or 0, -(-value // each)))
        return f"{option} --pollers {pollers}", replace(asked, pollers=pollers), lifted
    if asked.max_concurrency >= value:
        return option, asked, lifted
    return f"{option} --max-concurrency {min(most, value)}", replace(asked, max_concurrency=min(most, value)), lifted


def tried_values(field: str, now: int | None, architecture: str, quotas: Quotas) -> list[int]:
    """Twice, ten times, and as much as is allowed."""
    most = most_of(field, architecture, quotas)
    if field == "max_concurrency":
        # More than Lambda takes would be refused.
        most = min(most, int(quotas["lambda.concurrency"]))
    wanted = [FIRST_POLLERS] if now is None else [now * factor for factor in FACTORS]
    return [value for value in sorted({*wanted, most}) if value <= most and value != now]


def most_of(field: str | None, architecture: str, quotas: Quotas) -> int:
    """The greatest value of a setting; 0 of none."""
    return {
        None: 0,
        "items_per_chunk": 10_000,
        "item_concurrency": 100,
        "pollers": int(quotas["lambda.provisioned_pollers"]),
        "max_concurrency": int(
            quotas["lambda.sqs_maximum_concurrency" if architecture == "sqs" else "states.parallel_children"]
        ),
    }[field]
