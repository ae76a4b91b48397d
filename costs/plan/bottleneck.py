"""A plan's bottleneck in words: its name with its figure, and how to raise it."""

from costs.facts.figures import Quotas
from costs.plan.plan import Plan
from costs.plan.sfn_time import BATCHER
from costs.plan.sqs_batchers import BATCHERS
from costs.plan.timing import LATENCY, WORK
from handlers.sqs.records import LANES

# For every bottleneck but the quotas: its figure, and how to raise it. The advice for a quota is in quotas.toml.
WORDS = {
    "MaxConcurrency": (
        "{max_concurrency:,} processors at a time",
        "a parameter of the stack: --max-concurrency",
    ),
    "ItemConcurrency": (
        "{item_concurrency:,} of a chunk's {items_per_chunk:,} items at a time",
        "a parameter of the stack: --item-concurrency, if your code waits rather than computes",
    ),
    "ChunksPerSegment": (
        "{chunks_per_segment:,} chunks per batcher",
        "a parameter of the stack: with fewer, more batchers work at the same time",
    ),
    "BatchSize": (
        "{batch_size:,} messages of an invocation, one after the other",
        "a parameter of the stack: the messages of an invocation wait for one another, so take fewer",
    ),
    "pollers": (
        "{pollers:,} with ten invocations each",
        "a parameter of the stack, ProvisionedPollers: --pollers",
    ),
    "RetryDelaySeconds": (
        "{retry_delay_seconds:,} s, {max_attempts} attempts",
        "failed items are tried again at the very end: lower it, or MaxAttempts",
    ),
    BATCHERS: (
        f"{LANES} batchers at a time",
        "the code fixes their number, LANES: take more items per chunk",
    ),
    BATCHER: (
        "one batcher with {batcher_memory:,} MB",
        "one batcher writes all chunks: raise BatcherMemory, which gives it more CPU, up to "
        f"{Quotas.load()['lambda.memory_per_vcpu']:,.0f} MB",
    ),
    WORK: ("the longest item of a chunk", "only faster code helps"),
    LATENCY: (
        "starting and finishing",
        "cold starts and the latencies of AWS's services: no setting helps a batch this small",
    ),
}


def advice(name: str, quotas: Quotas) -> str:
    """How to raise a bottleneck."""
    return quotas.figure(name).lift or "a hard limit" if name in quotas else WORDS[name][1]


def described(plan: Plan, quotas: Quotas) -> str:
    """The plan's bottleneck with its figure: `MaxConcurrency, 10 processors at a time`."""
    name = plan.bottleneck
    if name in quotas:
        figure = quotas.figure(name)
        return f"{name}, {figure.value:,g} {figure.unit}"
    return f"{name}, {WORDS[name][0].format(**vars(plan.settings))}"
