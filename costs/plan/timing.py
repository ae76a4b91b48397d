"""The time of a batch, as the model of each architecture computes it, and its bottleneck."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from costs.plan.chunk_time import ChunkWork
from costs.plan.queue import QueueRun
from costs.plan.settings import Settings

# Bottlenecks that are neither a quota nor a parameter, so no setting changes them.
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
    """The duration of one batch on AWS and its counts, all expected values.

    `seconds` is the time from the request to Batch Finished. Milliseconds are billed ones of all invocations together,
    init included; `init_ms` is the init of all functions. `work_ms` is the part of the processor's time in which an
    item was processed. `child_ms` are the durations of all child executions together, each rounded up to 100 ms (Step
    Functions only). `bound_by` maps each quota or setting to the seconds for which it held the batch up; `bottleneck`
    is the one with the most.

    `retried` counts second and further attempts at chunks. `cut_short` counts the chunks that another invocation
    continued because the function's time ran out. `waited` counts the messages that were returned untouched because no
    time was left for them.
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
    """The average work of one attempt at all items of a chunk."""
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

    Batchers work from `begin` until all chunks are `made`; all chunks are processed at `done`. For `retrying` seconds
    only failed items are left. An invocation processes its `chunks_each` chunks one after another, so all but one of
    the last chunks wait because of BatchSize. `before` maps each delay of all chunks to its seconds.
    """
    # More concurrent items would shorten the last chunks, unless all their items run at the same time already.
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
