"""The SQS architecture over time: batchers fill the queue, processors empty it, the finalizer ends the batch."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import fmean

from costs.facts.figures import Assumptions, Quotas
from costs.plan.chunk_time import ChunkTimes, ChunkWork, StepTimes, any_failing, chunk_work, spare_seconds, step_times
from costs.plan.queue import Arrivals, Places, Rate, behind, run_jobs
from costs.plan.settings import BATCHING_SECONDS, ORCHESTRATION_MEMORY, UNBATCHED_MESSAGES, Settings, Workload
from costs.plan.shape import sqs_shape
from costs.plan.sizes import item_bytes
from costs.plan.sqs_batchers import Batchers, batchers
from costs.plan.throughput import processor_limits, table_writes
from costs.plan.timing import Timing, timing_of
from handlers.core.run_items import STOP_MS
from handlers.sqs.finished import FLUSH_CHUNKS, FLUSH_MS

# A batcher puts a chunk's record; a processor claims it and deletes it.
BATCHER_WRITES, PROCESSOR_WRITES = 1, 2


@dataclass(frozen=True, kw_only=True)
class Invocations:
    """The processor's invocations: their number, their durations, and the messages that are received again.

    `seconds` is a sample of first attempts. The retries, `retries` of `retry_seconds` each, take as long as
    `retry_jobs` first attempts.
    """

    count: int
    mean_seconds: float
    seconds: list[float]
    retries: float
    retry_seconds: float
    retry_jobs: int
    cut_short: float
    waited: float


def invocations(work: ChunkWork, settings: Settings, times: StepTimes, shards: int) -> Invocations:
    """The processor's invocations; the steps are docs/design.md's: claim, items, delete, and a check at the end."""
    timeout, size = settings.processor_timeout, settings.batch_size
    chunks = min(size, work.count)
    chunk_seconds = (times.dynamodb + work.items * times.take_item) / 1000
    # Chunks are deleted together, except one that took long.
    alone = long_share(work.times)
    deleting = times.dynamodb_batch / 1000 * (alone + (1 - alone) / min(size, FLUSH_CHUNKS))
    touched_shards = shards * (1 - (1 - 1 / shards) ** size)
    around = (times.overhead + touched_shards * times.dynamodb) / 1000
    mean = work.times.mean + chunk_seconds + deleting
    begun_by = timeout - spare_seconds(2 * STOP_MS, timeout)
    before_last = (chunks - 1) * mean
    last = fmean(work.times.last_begin) + fmean(work.times.longest)
    if before_last < begun_by and before_last + last <= work.room_seconds:
        count = math.ceil(work.count / size)
        mean_seconds = chunks * mean + around
        seconds = [walls + mean_seconds - chunks * work.times.mean for walls in together(work.times, chunks)]
        cut_short = waited = 0.0
    else:
        # The invocation runs out of time before its messages are done. Another one continues with the last chunk.
        total = work.count * mean
        needed = work.count * work.rounds if work.rounds > 1 else total / work.progress_seconds
        count = max(math.ceil(needed), math.ceil(work.count / size))
        mean_seconds = total / count + around + (times.dynamodb + times.sqs) / 1000
        seconds = [mean_seconds]
        cut_short = max(0.0, count - work.count / size)
        waited = count * max(0.0, size - math.ceil(work.progress_seconds / mean))
    retry = work.retry_seconds + chunk_seconds + (times.dynamodb + times.dynamodb_batch) / 1000
    # An invocation retries at most as many chunks together as fail at an attempt.
    per_invocation = max(1.0, min(size, work.progress_seconds / retry, work.count * work.failing))
    retries = work.retried_chunks / per_invocation
    retry_each = retry * per_invocation + around
    # The retries of the last chunks come after all others (see simulate). A single chunk has no others.
    retry_jobs = retries * retry_each / mean_seconds if work.count > 1 else 0.0
    return Invocations(
        count=count, mean_seconds=mean_seconds, seconds=seconds, cut_short=cut_short, waited=waited,
        retries=retries, retry_seconds=retry_each, retry_jobs=math.ceil(retry_jobs),
    )  # fmt: skip


@lru_cache(maxsize=512)
def long_share(times: ChunkTimes) -> float:
    """The share of chunks after which an invocation deletes its finished chunks at once."""
    return sum(wall * 1000 > FLUSH_MS for wall in times.wall) / len(times.wall)


@lru_cache(maxsize=512)
def together(times: ChunkTimes, size: int) -> list[float]:
    """Sums of `size` neighbours in the sample; for large sizes `size` times the mean."""
    walls = times.wall
    if size == 1:
        return walls
    if size > 100 or len(walls) == 1:
        return [times.mean * size]
    sums = [0.0, *accumulate(walls * (size // len(walls) + 2))]
    firsts = (number * size % len(walls) for number in range(len(walls)))
    return [sums[first + size] - sums[first] for first in firsts]


@dataclass(frozen=True)
class ChunkQueue:
    """The queue of chunks. `sealed` is the time of its last message; `arrivals` are jobs that DynamoDB lets through.

    `waiting_seconds` is the time that all processors together wait for DynamoDB within invocations.
    """

    sealed: float
    arrivals: Arrivals
    waiting_seconds: float


def chunk_queue(made_by: Batchers, invoked: Invocations, places: Places, table: Rate, delivery: float) -> ChunkQueue:
    """Share the table's writes: processors come first, but batchers get at least their part."""
    chunks, jobs = made_by.chunks, invoked.count + invoked.retry_jobs
    mean, chunks_each = invoked.mean_seconds, chunks / invoked.count
    fastest, part = made_by.side_by_side * made_by.rate, BATCHER_WRITES / (BATCHER_WRITES + PROCESSOR_WRITES)

    def for_batchers(time: float) -> tuple[float, str]:
        writes, name = table(time)
        processors = places.at(time)[0] / mean * chunks_each * PROCESSOR_WRITES
        return max(writes * part, writes - processors), name

    # A batcher makes one write per chunk. A retried job makes as many writes as any other job.
    enough = fastest * jobs / invoked.count <= table(0.0)[0] * part
    made = made_by.arrivals(None if enough else for_batchers)
    arrivals = Arrivals(
        [time + delivery for time in made.times], [count / chunks * jobs for count in made.counts], made.names
    )
    sealed = made.times[-1]
    if enough:
        return ChunkQueue(sealed, arrivals, 0.0)

    def for_processors(time: float) -> tuple[float, str]:
        writes, name = table(time)
        batchers = min(for_batchers(time)[0], fastest) if time < sealed else 0.0
        return (writes - batchers) / PROCESSOR_WRITES / chunks_each, name

    written = behind(arrivals, for_processors)
    if written.times[-1] <= arrivals.times[-1] + 1e-6:
        return ChunkQueue(sealed, arrivals, 0.0)
    waiting = 0.0
    for (start, before), (end, after) in pairwise(zip(written.times, written.counts, strict=True)):
        if arrivals.at(end) - after > 1:
            running = (after - before) / (end - start) * mean
            waiting += max(0.0, min(places.at(end)[0], jobs) - running) * (end - start)
    return ChunkQueue(sealed, written, waiting)


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """Simulate a batch; all results are expected values. Raises Impossible."""
    item = item_bytes(workload).expected
    shape = sqs_shape(workload, settings, item)
    work = chunk_work(workload, settings)
    times = step_times(settings.processor_memory, quotas, assumptions)
    small = step_times(ORCHESTRATION_MEMORY, quotas, assumptions)
    made_by = batchers(workload, settings, shape, step_times(settings.batcher_memory, quotas, assumptions))
    invoked = invocations(work, settings, times, shape.shards)
    job_bytes = work.count / invoked.count * work.items * (item + 1)
    places = Places(processor_limits(settings, quotas, invoked.mean_seconds, job_bytes))
    delivery = times.delivery / 1000
    batching = BATCHING_SECONDS if settings.batch_size > UNBATCHED_MESSAGES else 0
    queue = chunk_queue(made_by, invoked, places, table_writes(shape.shards, quotas), delivery + batching)
    run = run_jobs(invoked.count + invoked.retry_jobs, invoked.seconds, queue.arrivals, places)

    init = times.init
    # A chunk and its retries are never in two invocations at a time.
    peak = min(run.peak, max(work.count, invoked.count))
    in_progress = peak * settings.batch_size
    retrying = any_failing(work, in_progress) * work.retries * (settings.retry_delay_seconds + invoked.retry_seconds)
    drained = run.end + init / 1000 + retrying
    nudge = (2 * times.dynamodb + times.sqs) / 1000 + delivery
    processed = max(drained, queue.sealed)
    checks = math.floor(processed / settings.check_interval_seconds)
    # The last check finds all shards empty, reads the closing record and the counts of each, 16 shards at a time, and
    # stores and publishes the ending.
    reads = 2 + shape.shards + 2 * math.ceil(shape.shards / 16)
    finish = small.overhead + reads * small.dynamodb + small.events
    slowed = made_by.slowed_down(queue.sealed)
    nudges = 1 + shape.shards
    processing = invoked.mean_seconds * invoked.count + invoked.retry_seconds * invoked.retries
    checking = checks * (small.overhead + 5 * small.dynamodb + small.sqs)
    nudged = (nudges - 1) * (small.overhead + 2 * small.dynamodb)
    cold_starts = peak + made_by.side_by_side + 1
    return timing_of(
        work, settings, run, begin=made_by.begin, made=queue.sealed, done=drained, retrying=retrying, before={},
        # A check keeps the finalizer's environment warm.
        seconds=processed + nudge + (finish + (0 if checks else init)) / 1000,
        chunks_each=min(settings.batch_size, work.count),
        batcher_invocations=made_by.invocations + math.floor(slowed / made_by.room_milliseconds),
        batcher_ms=made_by.milliseconds + slowed + made_by.side_by_side * init,
        processor_invocations=invoked.count + invoked.retries,
        processor_ms=(processing + queue.waiting_seconds) * 1000 + peak * init,
        finalizer_invocations=checks + nudges, finalizer_ms=checking + finish + nudged + init,
        cold_starts=cold_starts, init_ms=cold_starts * init, concurrency=peak,
        cut_short=invoked.cut_short, waited=invoked.waited,
    )  # fmt: skip
