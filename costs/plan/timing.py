"""The time of a batch, as a model of it finds it, and what decides it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from costs.plan.chunk_time import ChunkWork
from costs.plan.queue import QueueRun
from costs.plan.settings import Settings

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
    child_ms: float = 0.0
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


def timing_of(
    work: ChunkWork,
    settings: Settings,
    run: QueueRun,
    *,
    begin: float,
    made: float,
    done: float,
    seconds: float,
    retrying: float,
    before: Mapping[str, float],
    chunks_each: int = 1,
    **counts: float,
) -> Timing:
    """The timing of a batch: seconds from the request, and counts.

    Batchers work from `begin` until all chunks are `made`, and all of these are `done` before the end. `retrying` are
    the seconds in which nothing but failed items is left. The `chunks_each` of an invocation come one after the other,
    so all but one of the last ones wait for BatchSize. `before` has the seconds of what holds up all chunks, by name.
    """
    # More items of the last chunks at a time would shorten these, if any are left.
    last = "ItemConcurrency" if settings.item_concurrency < work.items else WORK
    at_the_end = done - retrying - run.last_start
    bounds = {
        **run.bound_by,
        **before,
        last: at_the_end / chunks_each,
        "BatchSize": at_the_end * (chunks_each - 1) / chunks_each,
        "RetryDelaySeconds": retrying,
        LATENCY: run.first_start + seconds - done - sum(before.values()),
    }
    return Timing(
        seconds=seconds,
        bottleneck=max(bounds, key=lambda name: bounds[name]),
        bound_by={name: bound for name, bound in bounds.items() if bound},
        chunks=work.count,
        chunk_seconds=work.times.mean,
        work_ms=work.count * (work.times.mean + work.failing * work.retries * work.retry_seconds) * 1000,
        retried=work.retried_chunks,
        phases=(
            Phase("start", 0.0, begin),
            Phase("chunks are made", begin, made),
            Phase("chunks are processed", run.first_start, done),
            Phase("finish", done, seconds),
        ),
        **counts,
    )
