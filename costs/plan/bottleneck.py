"""A plan's bottleneck in words: what it is with its figure, and how to raise it."""

from costs.facts.quotas import Quotas
from costs.plan import fixed
from costs.plan.plan import Plan
from costs.plan.simulation_sfn import BATCHER
from costs.plan.sqs_batcher import BATCHERS
from costs.plan.verdict import LATENCY, WORK

# For everything but a quota, whose entry in quotas.toml has its own advice.
ADVICE = {
    "MaxConcurrency": "a parameter of the stack: --max-concurrency",
    "ItemConcurrency": "a parameter of the stack: --item-concurrency, if your code waits rather than computes",
    "ItemsPerChunk": "a parameter of the stack, and a field of the request: --items-per-chunk",
    "ChunksPerSegment": "a parameter of the stack: with fewer, more batchers work at the same time",
    "BatchSize": "a parameter of the stack: the messages of an invocation wait for one another, so take fewer",
    "pollers": "a parameter of the stack, ProvisionedPollers: --pollers",
    "RetryDelaySeconds": "failed items are tried again at the very end: lower it, or MaxAttempts",
    BATCHERS: "the template fixes its MaximumConcurrency: edit it, or take more items per chunk",
    BATCHER: "one batcher writes all chunks: more memory in the template gives it more CPU, up to "
    f"{Quotas.load()['lambda.memory_per_vcpu']:,.0f} MB",
    WORK: "the longest item of a chunk: only faster code helps",
    LATENCY: "cold starts and the latencies of AWS's services: no setting helps a batch this small",
}


def advice(name: str, quotas: Quotas) -> str:
    """How to raise a bottleneck."""
    if name in quotas:
        return quotas.figure(name).lift or "a hard limit"
    return ADVICE.get(name, "a parameter of the stack")


def described(plan: Plan, quotas: Quotas) -> str:
    """The plan's bottleneck with its figure: `MaxConcurrency, 10 processors at a time`."""
    name, settings = plan.bottleneck, plan.settings
    if name in quotas:
        figure = quotas.figure(name)
        return f"{name}, {figure.value:,g} {figure.unit}"
    figures = {
        "MaxConcurrency": f"{settings.max_concurrency:,} "
        f"{'processors' if plan.architecture == 'sqs' else 'child executions'} at a time",
        "ItemConcurrency": f"{settings.item_concurrency:,} of a chunk's {settings.items_per_chunk:,} items at a time",
        "BatchSize": f"{settings.batch_size:,} messages of an invocation, one after the other",
        "ChunksPerSegment": f"{settings.chunks_per_segment:,} chunks per batcher",
        "pollers": f"{settings.pollers or 0:,} with ten invocations each",
        BATCHERS: f"{fixed.SQS_BATCHERS} batchers at a time",
        BATCHER: f"one batcher with {fixed.ORCHESTRATION_MEMORY} MB",
        WORK: "the longest item of a chunk",
        LATENCY: "starting and finishing",
        "RetryDelaySeconds": f"{settings.retry_delay_seconds:,} s, {settings.max_attempts} attempts",
    }
    return f"{name}, {figures[name]}"
