"""The SQS architecture over time: batchers fill the queue, pollers empty it, the finalizer hears of the last chunk.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math
from dataclasses import dataclass

import numpy as np

from costs.facts.assumptions import Assumptions
from costs.facts.quotas import Quotas
from costs.plan import fixed
from costs.plan.checks import item_bytes
from costs.plan.chunk_cost import ChunkWork, chunk_work, spare_seconds
from costs.plan.curves import pollers, writes_allowed
from costs.plan.pool import GRID, Arrivals, Pool, throttled
from costs.plan.settings import Settings, Workload
from costs.plan.shape import sqs_shape
from costs.plan.sqs_batcher import batchers
from costs.plan.steps import Steps
from costs.plan.timing import Phase, Timing
from costs.plan.verdict import LATENCY, bottleneck_of, held_by_retries, held_by_work

# A chunk's record is put by a batcher; a processor claims it and deletes it.
BATCHER_WRITES, PROCESSOR_WRITES = 1, 2


@dataclass(frozen=True)
class Invocations:
    """A processor's invocations: how many, how long, and what of the messages comes again.

    `seconds` is a sample of the first attempts'. `retry_equivalent` is how many of those the retries are worth.
    """

    count: int
    retries: float
    seconds: np.ndarray
    retry_seconds: float
    retry_equivalent: int
    cut_short: float
    waited: float


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """A batch over time, expected values. Raises Impossible."""
    work = chunk_work(workload, settings)
    steps = Steps(settings.processor_memory, quotas, assumptions)
    small = Steps(fixed.ORCHESTRATION_MEMORY, quotas, assumptions)
    made_by = batchers(workload, settings, work.count, small)
    shards = sqs_shape(workload, settings, item_bytes(workload)).shards
    invoked = invocations(work, settings, steps, shards)

    mean = float(invoked.seconds.mean())
    chunks_each = work.count / invoked.count
    limits = pollers(settings, quotas, mean, chunks_each * work.items * (item_bytes(workload) + 1))
    writes, binding = writes_allowed(shards, quotas)
    demand = np.min(list(limits.values()), axis=0) / mean * chunks_each
    left = np.maximum(writes / (BATCHER_WRITES + PROCESSOR_WRITES), writes - PROCESSOR_WRITES * demand)
    chunks_arrive = made_by.arrivals(left, binding)
    sealed = float(chunks_arrive.times[-1])
    slowed = made_by.slowed_down(sealed)
    making = np.where(sealed > GRID, np.minimum(left, made_by.side_by_side * made_by.rate), 0)

    jobs = invoked.count + invoked.retry_equivalent
    delivery = assumptions["sqs.delivery_ms"] / 1000
    if settings.batch_size > fixed.UNBATCHED:
        delivery += fixed.WINDOW_SECONDS
    arrive = Arrivals(
        chunks_arrive.times + delivery,
        chunks_arrive.counts / work.count * jobs,
        chunks_arrive.names,
    )
    written = (writes - making) / PROCESSOR_WRITES / chunks_each
    behind, throttled_seconds = throttled(arrive, written, binding)
    init = assumptions["lambda.init_ms"]
    pool = Pool(limits)
    worked = pool.work_off(jobs, invoked.seconds, behind)
    # A chunk and its retries are never in two invocations at a time.
    peak = min(worked.peak, max(work.count, invoked.count))
    # What waits for DynamoDB waits in the middle of an invocation, as many as may run, and is paid.
    waiting = float((np.maximum(0, np.minimum(pool.size(), jobs) - written * mean) * throttled_seconds).sum())
    retrying = last_retries(work, settings, peak, invoked)
    drained = worked.end + init / 1000 + retrying
    nudge = (2 * steps.dynamodb + steps.sqs + assumptions["sqs.delivery_ms"]) / 1000
    looks = math.floor(max(drained, sealed) / settings.check_interval_seconds)
    finish = finish_ms(small, shards) + (0 if looks else init)
    seconds = max(drained, sealed) + nudge + finish / 1000

    bound_by = dict(worked.bound_by)
    held_by_work(bound_by, drained - retrying - worked.last_start, work, settings, min(settings.batch_size, work.count))
    held_by_retries(bound_by, retrying)
    bound_by[LATENCY] = worked.first_start + seconds - drained
    processor_init = peak * init
    looking = looks * (small.overhead + 5 * small.dynamodb + small.sqs)
    nudges = 1 + shards
    processor_ms = float(invoked.seconds.mean()) * invoked.count + invoked.retry_seconds * invoked.retries
    return Timing(
        seconds=seconds,
        bottleneck=bottleneck_of(bound_by),
        batcher_invocations=made_by.invocations + math.floor(slowed / made_by.room_milliseconds),
        batcher_ms=made_by.milliseconds + slowed + made_by.init_milliseconds,
        processor_invocations=invoked.count + invoked.retries,
        processor_ms=(processor_ms + waiting) * 1000 + processor_init,
        work_ms=work_ms(work, settings),
        finalizer_invocations=looks + nudges,
        finalizer_ms=looking + finish_ms(small, shards) + (nudges - 1) * (small.overhead + 2 * small.dynamodb)
        + init,
        cold_starts=peak + made_by.environments + 1,
        child_ms=0.0,
        init_ms=processor_init + made_by.init_milliseconds + init,
        chunks=work.count,
        retried=work.failing * work.count * (settings.max_attempts - 1),
        cut_short=invoked.cut_short,
        waited=invoked.waited,
        concurrency=peak,
        chunk_seconds=work.times.mean / 1000,
        phases=(
            Phase("start", 0.0, made_by.begin),
            Phase("chunks are made", made_by.begin, sealed),
            Phase("chunks are processed", worked.first_start, drained),
            Phase("finish", drained, seconds),
        ),
        bound_by=bound_by,
    )  # fmt: skip


def invocations(work: ChunkWork, settings: Settings, steps: Steps, shards: int) -> Invocations:
    """What the processor's invocations do, in docs/design.md's order: claim, items, delete, and a look at the end."""
    timeout, size = settings.function_timeout, settings.batch_size
    wall = work.times.wall / 1000
    chunk_ms = steps.dynamodb + work.items * steps.take_item
    # Deletes go together, but for a chunk that took long.
    share = np.where(work.times.wall > fixed.FLUSH_MS, 1.0, 1 / min(size, fixed.RECORDS_PER_WRITE))
    each = wall + (chunk_ms + share * steps.dynamodb_batch) / 1000
    touched = shards * (1 - (1 - 1 / shards) ** size)
    fixed_seconds = (steps.overhead + touched * steps.dynamodb) / 1000
    mean = float(each.mean())
    begun_by = timeout - spare_seconds(2 * fixed.STOP_SECONDS, timeout)
    retry = work.retry_seconds + (chunk_ms + steps.dynamodb + steps.dynamodb_batch) / 1000
    retried_chunks = work.failing * work.count * (settings.max_attempts - 1)
    before_last = (min(size, work.count) - 1) * mean
    last = float((work.times.last_begin + work.times.longest).mean()) / 1000
    if before_last < begun_by and before_last + last <= work.room_seconds:
        count = math.ceil(work.count / size)
        seconds = together(each, min(size, work.count)) + fixed_seconds
        cut_short = waited = 0.0
    else:
        # An invocation is full before its messages are done: the last chunk goes on in another, the rest untouched.
        total, rounds = work.count * mean, float(work.rounds.mean())
        needed = work.count * rounds if rounds > 1 else total / work.progress_seconds
        count = max(math.ceil(needed), math.ceil(work.count / size))
        seconds = np.array([total / count + fixed_seconds + (steps.dynamodb + steps.sqs) / 1000])
        cut_short = float(max(0, count - work.count / size))
        waited = count * max(0.0, size - math.ceil(work.progress_seconds / mean))
    # No more come again together than fail at an attempt.
    per_invocation = max(1.0, min(size, work.progress_seconds / retry, work.count * work.failing))
    retries = retried_chunks / per_invocation
    retry_each = retry * per_invocation + fixed_seconds
    # The retries of the last in progress come after them (last_retries): those of an only chunk are no jobs beside it.
    beside = retries * retry_each / float(seconds.mean()) if work.count > 1 else 0.0
    return Invocations(
        count=count,
        retries=retries,
        seconds=seconds,
        retry_seconds=retry_each,
        retry_equivalent=math.ceil(beside),
        cut_short=cut_short,
        waited=waited,
    )


def together(each: np.ndarray, size: int) -> np.ndarray:
    """Sums of `size` neighbours of the sample; of many, as many times the mean."""
    if size == 1:
        return each
    if size > 100 or len(each) == 1:
        return np.array([float(each.mean()) * size])
    picks = np.arange(len(each) * size) % len(each)
    return each[picks].reshape(len(each), size).sum(axis=1)


def last_retries(work: ChunkWork, settings: Settings, running: float, invoked: Invocations) -> float:
    """Seconds for which a chunk of the last ones in progress is tried again after them, on average."""
    rounds = settings.max_attempts - 1
    if not rounds or not work.failing:
        return 0.0
    in_progress = max(1.0, min(work.count, running * settings.batch_size))
    likely = -math.expm1(in_progress * math.log1p(-work.failing)) if work.failing < 1 else 1.0
    return likely * rounds * (settings.retry_delay_seconds + invoked.retry_seconds)


def work_ms(work: ChunkWork, settings: Settings) -> float:
    """Milliseconds in which at least one item is being processed, all attempts of all chunks together."""
    retried = work.failing * (settings.max_attempts - 1) * work.retry_seconds * 1000
    return work.count * (work.times.mean + retried)


def finish_ms(steps: Steps, shards: int) -> float:
    """The finalizer's last look: every shard is empty, the failed are counted, the end is stored and published.

    Of each shard it is read how far it was counted, and then the counts; 16 shards at a time.
    """
    counting = 2 * math.ceil(shards / 16) * steps.dynamodb
    return steps.overhead + (2 + shards) * steps.dynamodb + counting + steps.events
