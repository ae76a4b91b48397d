"""The time of a batch, as a model of it finds it, and what decides it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# What bounds a batch beside quotas and parameters, and no setting changes.
LATENCY = "latency"
WORK = "work"


@dataclass(frozen=True)
class Phase:
    """A part of the batch's time, in seconds from the request; phases may overlap."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds and counts of one batch on AWS, expected values.

    `seconds` runs from the request to Batch Finished. Milliseconds are billed ones of all invocations together, init
    included; `init_ms` is that part of all of them, `work_ms` the part of the processor's in which an item was
    processed. `child_ms` are the durations of all child executions together, each rounded up to 100 ms (Step Functions
    only). `bound_by` says for how many seconds which quota or setting held the batch up, `bottleneck` which one did so
    for longest.

    `retried` counts second and further attempts of chunks, `cut_short` the chunks that another invocation continued
    because the function's time ran out, `waited` the messages that were returned untouched for want of time.
    """

    seconds: float
    bottleneck: str
    batcher_invocations: float
    batcher_ms: float
    processor_invocations: float
    processor_ms: float
    work_ms: float
    finalizer_invocations: float
    finalizer_ms: float
    cold_starts: float
    child_ms: float
    init_ms: float = 0.0
    chunks: int = 0
    retried: float = 0.0
    cut_short: float = 0.0
    waited: float = 0.0
    concurrency: float = 0.0
    """The most processors at a time."""
    chunk_seconds: float = 0.0
    """One chunk's work on average, of one attempt at all of its items."""
    phases: tuple[Phase, ...] = ()
    bound_by: dict[str, float] = field(default_factory=dict)


def longest_bound(bound_by: Mapping[str, float]) -> str:
    """The name that bound for longest."""
    return max(bound_by, key=lambda name: bound_by[name])


def bound_by_work(seconds: float, item_concurrency: int, chunk_items: float, chunks: int = 1) -> dict[str, float]:
    """What binds after the last chunk has started: more items at a time would shorten it, if any are left.

    The `chunks` of an invocation come one after the other, so all but one of them wait for BatchSize.
    """
    name = "ItemConcurrency" if item_concurrency < chunk_items else WORK
    waiting = {"BatchSize": seconds * (chunks - 1) / chunks} if chunks > 1 else {}
    return {name: seconds / chunks} | waiting
