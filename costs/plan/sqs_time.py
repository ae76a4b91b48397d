"""The SQS architecture over time: batchers fill the queue, processors empty it, the finalizer hears of the last chunk.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean

from costs.facts.assumptions import Assumptions
from costs.facts.quotas import Quotas
from costs.plan.chunk_time import CallTimes, ChunkWork, chunk_work, spare_seconds
from costs.plan.limits import Impossible
from costs.plan.queue import Arrivals, Limit, Places, Rate, behind, run_jobs, steps
from costs.plan.settings import (
    BATCHING_SECONDS,
    ORCHESTRATION_MEMORY,
    SQS_BATCHERS,
    UNBATCHED_MESSAGES,
    Settings,
    Workload,
)
from costs.plan.shape import SqsShape, sqs_shape
from costs.plan.sizes import item_bytes
from costs.plan.timing import LATENCY, Phase, Timing, bound_by_work, longest_bound
from handlers.aws.queues import MAX_BATCH_MESSAGES
from handlers.core.run_items import STOP_MS
from handlers.sqs.batcher import WINDOW_MS
from handlers.sqs.finished import FLUSH_CHUNKS, FLUSH_MS

# The batcher's event source, whose MaximumConcurrency is the template's and no parameter.
BATCHERS = "BatcherEventSource"
# A batcher puts a chunk's record; a processor claims it and deletes it.
BATCHER_WRITES, PROCESSOR_WRITES = 1, 2
# The messages of one ReceiveMessage.
MESSAGES_PER_POLL = 10
# More doublings than any batch lasts for.
MOST_DOUBLINGS = 40


@dataclass(frozen=True, kw_only=True)
class Batchers:
    """Batchers make segments side by side, `rate` chunks a second each; the first messages come after `lead` seconds.

    `begin` is when the first batcher takes up a segment. Milliseconds are billed ones without init; an invocation makes
    chunks for `room_milliseconds`.
    """

    begin: float
    lead: float
    rate: float
    chunks: int
    segments: int
    side_by_side: int
    invocations: float
    milliseconds: float
    init_milliseconds: float
    room_milliseconds: float

    @property
    def stages(self) -> list[tuple[float, float, str]]:
        """Chunks made until the end of each stage, chunks a second, and what allows no more.

        All batchers are busy first. Fewer segments than batchers are left for the second stage.
        """
        full = self.segments // self.side_by_side * self.side_by_side
        name = BATCHERS if self.side_by_side == SQS_BATCHERS else "ChunksPerSegment"
        stages = [(full * self.chunks / self.segments, self.side_by_side * self.rate, name)]
        if self.segments > full:
            stages.append((float(self.chunks), (self.segments - full) * self.rate, "ChunksPerSegment"))
        return stages

    def arrivals(self, writes: Rate) -> Arrivals:
        """When the messages of chunks are in the queue; DynamoDB takes `writes` of their records a second at most."""
        made = Arrivals([self.begin + self.lead], [0.0], [])
        for until, rate, name in self.stages:
            time, done = made.times[-1], made.counts[-1]
            allowed, quota = writes(time)
            for then in steps(time):
                more, next_quota = writes(then)
                speed = (min(rate, allowed) + min(rate, more)) / 2
                end = min(then, time + (until - done) / speed)
                done = until if end < then else min(until, done + speed * (then - time))
                made.times.append(end)
                made.counts.append(done)
                made.names.append(quota if allowed < rate else name)
                if done >= until:
                    break
                time, allowed, quota = then, more, next_quota
        return made

    def unhindered(self) -> Arrivals:
        """When the messages of chunks are in the queue if DynamoDB takes all writes."""
        made = Arrivals([self.begin + self.lead], [0.0], [])
        for until, rate, name in self.stages:
            made.times.append(made.times[-1] + (until - made.counts[-1]) / rate)
            made.counts.append(until)
            made.names.append(name)
        return made

    def slowed_down(self, sealed: float) -> float:
        """The milliseconds that all batchers together wait for DynamoDB if the last message is out at `sealed`."""
        rounds = math.ceil(self.segments / self.side_by_side)
        own = rounds * self.chunks / self.segments / self.rate
        return max(0.0, sealed - self.begin - self.lead - own) * self.side_by_side * 1000


def batchers(workload: Workload, settings: Settings, shape: SqsShape, calls: CallTimes) -> Batchers:
    """What the batchers of a batch do, in docs/design.md's order. Raises Impossible where a window outlasts them."""
    segments = shape.filled_segments
    empty = shape.segments - segments
    per_segment = shape.chunks / segments
    window = min(shape.window_chunks, per_segment)
    making = window * workload.items / shape.chunks * calls.make_item + calls.dynamodb
    making += math.ceil(window / FLUSH_CHUNKS) * calls.dynamodb_batch + calls.dynamodb
    sending = math.ceil(window / shape.window_chunks * shape.window_sends) * calls.sqs
    timeout = settings.function_timeout
    room = (timeout - spare_seconds(WINDOW_MS, timeout)) * 1000
    claiming = calls.overhead + 2 * calls.dynamodb
    if claiming + making + sending > timeout * 1000:
        raise Impossible(
            "FunctionTimeout",
            f"the batcher needs {(making + sending) / 1000:,.1f} s for a window of {window:,.0f} chunks and has "
            f"{timeout} s: raise it, or lower ItemsPerChunk",
        )
    work = per_segment / window * (making + sending)
    # A batcher that goes on sends the last window's messages again.
    again = claiming + sending
    invocations = max(1, math.ceil((work - again) / max(room - again, making + sending)))
    sent_ms = work + invocations * claiming + (invocations - 1) * sending
    delivery, init = calls.assumptions["sqs.delivery_ms"], calls.assumptions["lambda.init_ms"]
    starting = calls.overhead + calls.sqs + calls.dynamodb + calls.events
    starting += math.ceil(shape.segments / MAX_BATCH_MESSAGES) * calls.sqs
    side_by_side = min(segments, SQS_BATCHERS)
    # The environment that started the batch takes a segment up; the others start first.
    begin = delivery + init + starting + delivery + (init if side_by_side > 1 else 0)
    lead = claiming + making + calls.sqs
    sealing = shape.segments * calls.dynamodb + calls.sqs
    return Batchers(
        begin=begin / 1000,
        lead=lead / 1000,
        rate=per_segment / max(sent_ms + (invocations - 1) * delivery - lead, 1.0) * 1000,
        chunks=shape.chunks,
        segments=segments,
        side_by_side=side_by_side,
        invocations=1 + empty + segments * invocations,
        milliseconds=starting + segments * sent_ms + empty * claiming + sealing,
        init_milliseconds=side_by_side * init,
        room_milliseconds=room,
    )


@dataclass(frozen=True, kw_only=True)
class Invocations:
    """A processor's invocations: how many, how long, and how many messages are received again.

    `seconds` is a sample of first attempts. `retry_jobs` is the number of first attempts that take as long as all
    `retries` of `retry_seconds` each.
    """

    count: int
    seconds: list[float]
    retries: float
    retry_seconds: float
    retry_jobs: int
    cut_short: float
    waited: float


def invocations(work: ChunkWork, settings: Settings, calls: CallTimes, shards: int) -> Invocations:
    """What the processor's invocations do, in docs/design.md's order: claim, items, delete, and a check at the end."""
    timeout, size = settings.function_timeout, settings.batch_size
    most = min(size, work.count)
    chunk_seconds = (calls.dynamodb + work.items * calls.take_item) / 1000
    # Chunks are deleted together, but for one that took long.
    deleting = calls.dynamodb_batch / 1000
    each = [
        wall + chunk_seconds + deleting * (1.0 if wall * 1000 > FLUSH_MS else 1 / min(size, FLUSH_CHUNKS))
        for wall in work.times.wall
    ]
    touched_shards = shards * (1 - (1 - 1 / shards) ** size)
    around = (calls.overhead + touched_shards * calls.dynamodb) / 1000
    mean = fmean(each)
    begun_by = timeout - spare_seconds(2 * STOP_MS, timeout)
    before_last = (most - 1) * mean
    last = fmean(work.times.last_begin) + fmean(work.times.longest)
    if before_last < begun_by and before_last + last <= work.room_seconds:
        count = math.ceil(work.count / size)
        seconds = [chunks + around for chunks in together(each, most)]
        cut_short = waited = 0.0
    else:
        # The timeout ends an invocation before its messages do: another continues the last chunk, or takes the rest.
        total, rounds = work.count * mean, work.mean_rounds
        needed = work.count * rounds if rounds > 1 else total / work.progress_seconds
        count = max(math.ceil(needed), math.ceil(work.count / size))
        seconds = [total / count + around + (calls.dynamodb + calls.sqs) / 1000]
        cut_short = max(0.0, count - work.count / size)
        waited = count * max(0.0, size - math.ceil(work.progress_seconds / mean))
    retry = work.retry_seconds + chunk_seconds + (calls.dynamodb + calls.dynamodb_batch) / 1000
    # An invocation retries no more chunks together than fail at an attempt.
    per_invocation = max(1.0, min(size, work.progress_seconds / retry, work.count * work.failing))
    retries = work.retried_chunks / per_invocation
    retry_each = retry * per_invocation + around
    # The retries of the last chunks come after all others (last_retries): an only chunk has none beside it.
    beside = retries * retry_each / fmean(seconds) if work.count > 1 else 0.0
    return Invocations(
        count=count,
        seconds=seconds,
        retries=retries,
        retry_seconds=retry_each,
        retry_jobs=math.ceil(beside),
        cut_short=cut_short,
        waited=waited,
    )


def together(each: list[float], size: int) -> list[float]:
    """Sums of `size` neighbours of the sample; for large sizes, as many times the mean."""
    if size == 1:
        return each
    if size > 100 or len(each) == 1:
        return [fmean(each) * size]
    sums = [0.0, *accumulate(each * (size // len(each) + 2))]
    firsts = (number * size % len(each) for number in range(len(each)))
    return [sums[first + size] - sums[first] for first in firsts]


def processor_limits(settings: Settings, quotas: Quotas, mean_seconds: float, job_bytes: float) -> list[Limit]:
    """What limits the processors that run at a time.

    An invocation lasts `mean_seconds` and receives `job_bytes` of messages. The limit that is harder to lift comes
    first: of two that are equally low it is the one that is named.
    """
    if settings.pollers is None:
        limits = [
            Limit("MaxConcurrency", settings.max_concurrency),
            Limit("lambda.sqs_concurrency", quotas["lambda.sqs_concurrency"]),
            Limit("lambda.sqs_ramp_per_minute", quotas["lambda.sqs_start"], quotas["lambda.sqs_ramp_per_minute"] / 60),
        ]
    else:
        pollers, each = settings.pollers, quotas["lambda.provisioned_poller_concurrency"]
        received = quotas["lambda.provisioned_poller_bytes"] / job_bytes
        polled = quotas["lambda.provisioned_poller_polls"] / math.ceil(settings.batch_size / MESSAGES_PER_POLL)
        first = min(pollers, quotas["lambda.provisioned_minimum_pollers"]) * each
        limits = [
            Limit("pollers", pollers * each),
            Limit("lambda.provisioned_poller_bytes", pollers * received * mean_seconds),
            Limit("lambda.provisioned_poller_polls", pollers * polled * mean_seconds),
            Limit("lambda.provisioned_ramp_per_minute", first, quotas["lambda.provisioned_ramp_per_minute"] / 60),
        ]
    in_flight = Limit("sqs.in_flight", quotas["sqs.in_flight"] / settings.batch_size)
    return [*lambda_limits(quotas, mean_seconds), *limits, in_flight]


def lambda_limits(quotas: Quotas, mean_seconds: float) -> list[Limit]:
    """What limits the invocations of a function that run at a time, each for `mean_seconds`."""
    concurrency, scaling = quotas["lambda.concurrency"], quotas["lambda.scaling_per_10_seconds"]
    requests = quotas["lambda.requests_per_concurrency"] * concurrency
    return [
        Limit("lambda.concurrency", concurrency),
        Limit("lambda.requests_per_concurrency", requests * mean_seconds),
        Limit("lambda.scaling_per_10_seconds", scaling, scaling / 10),
    ]


def table_writes(shards: int, quotas: Quotas) -> Rate:
    """The write units a second that the table takes of a batch.

    A new table takes some at first, and twice as many with every half hour in which it is used.
    """
    partition = shards * quotas["dynamodb.partition_writes"], "dynamodb.partition_writes"
    table = quotas["dynamodb.table_writes"], "dynamodb.table_writes"
    lower = min(partition, table, key=lambda limit: limit[0])
    at_first, doubling_seconds = quotas["dynamodb.table_writes_at_first"], quotas["dynamodb.doubling_minutes"] * 60

    def writes(time: float) -> tuple[float, str]:
        warm = at_first * 2 ** min(time / doubling_seconds, MOST_DOUBLINGS)
        return lower if lower[0] <= warm else (warm, "dynamodb.table_writes_at_first")

    return writes


@dataclass(frozen=True)
class ChunkQueue:
    """The queue of chunks: when its last message was sent, and when `arrivals` of jobs get past DynamoDB's limits.

    `waiting_seconds` are those that all processors together wait for DynamoDB in the middle of an invocation.
    """

    sealed: float
    arrivals: Arrivals
    waiting_seconds: float


def chunk_queue(made_by: Batchers, invoked: Invocations, places: Places, table: Rate, delivery: float) -> ChunkQueue:
    """Batchers and processors share the table's writes: processors first, but batchers get their part at least."""
    chunks, jobs = made_by.chunks, invoked.count + invoked.retry_jobs
    mean, chunks_each = fmean(invoked.seconds), chunks / invoked.count
    fastest, part = made_by.side_by_side * made_by.rate, BATCHER_WRITES / (BATCHER_WRITES + PROCESSOR_WRITES)

    def for_batchers(time: float) -> tuple[float, str]:
        writes, name = table(time)
        processors = places.limit(time).at(time) / mean * chunks_each * PROCESSOR_WRITES
        return max(writes * part, writes - processors), name

    # A batcher's writes are the same number as its chunks; a retried job writes as another does.
    enough = fastest * jobs / invoked.count <= table(0.0)[0] * part
    made = made_by.unhindered() if enough else made_by.arrivals(for_batchers)
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
            waiting += max(0.0, min(places.size(end), jobs) - running) * (end - start)
    return ChunkQueue(sealed, written, waiting)


def simulate(workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions) -> Timing:
    """The time of a batch, expected values. Raises Impossible."""
    item = item_bytes(workload).expected
    shape = sqs_shape(workload, settings, item)
    work = chunk_work(workload, settings)
    calls = CallTimes(settings.processor_memory, quotas, assumptions)
    small = CallTimes(ORCHESTRATION_MEMORY, quotas, assumptions)
    made_by = batchers(workload, settings, shape, small)
    invoked = invocations(work, settings, calls, shape.shards)
    job_bytes = work.count / invoked.count * work.items * (item + 1)
    places = Places(processor_limits(settings, quotas, fmean(invoked.seconds), job_bytes))
    delivery = assumptions["sqs.delivery_ms"] / 1000
    batching = BATCHING_SECONDS if settings.batch_size > UNBATCHED_MESSAGES else 0
    queue = chunk_queue(made_by, invoked, places, table_writes(shape.shards, quotas), delivery + batching)
    run = run_jobs(invoked.count + invoked.retry_jobs, invoked.seconds, queue.arrivals, places)

    init = assumptions["lambda.init_ms"]
    # A chunk and its retries are never in two invocations at a time.
    peak = min(run.peak, max(work.count, invoked.count))
    retrying = last_retries(work, settings, peak, invoked)
    drained = run.end + init / 1000 + retrying
    nudge = (2 * calls.dynamodb + calls.sqs) / 1000 + delivery
    processed = max(drained, queue.sealed)
    checks = math.floor(processed / settings.check_interval_seconds)
    finish = finish_ms(small, shape.shards)
    # A check keeps the finalizer's environment warm.
    seconds = processed + nudge + (finish + (0 if checks else init)) / 1000

    at_the_end = drained - retrying - run.last_start
    bound_by = run.bound_by | bound_by_work(
        at_the_end, settings.item_concurrency, work.items, min(settings.batch_size, work.count)
    )
    if retrying:
        bound_by["RetryDelaySeconds"] = retrying
    bound_by[LATENCY] = run.first_start + seconds - drained
    slowed = made_by.slowed_down(queue.sealed)
    nudges = 1 + shape.shards
    processing = fmean(invoked.seconds) * invoked.count + invoked.retry_seconds * invoked.retries
    checking = checks * (small.overhead + 5 * small.dynamodb + small.sqs)
    nudged = (nudges - 1) * (small.overhead + 2 * small.dynamodb)
    return Timing(
        seconds=seconds,
        bottleneck=longest_bound(bound_by),
        batcher_invocations=made_by.invocations + math.floor(slowed / made_by.room_milliseconds),
        batcher_ms=made_by.milliseconds + slowed + made_by.init_milliseconds,
        processor_invocations=invoked.count + invoked.retries,
        processor_ms=(processing + queue.waiting_seconds) * 1000 + peak * init,
        work_ms=work.work_ms,
        finalizer_invocations=checks + nudges,
        finalizer_ms=checking + finish + nudged + init,
        cold_starts=peak + made_by.side_by_side + 1,
        child_ms=0.0,
        init_ms=peak * init + made_by.init_milliseconds + init,
        chunks=work.count,
        retried=work.retried_chunks,
        cut_short=invoked.cut_short,
        waited=invoked.waited,
        concurrency=peak,
        chunk_seconds=work.times.mean,
        phases=(
            Phase("start", 0.0, made_by.begin),
            Phase("chunks are made", made_by.begin, queue.sealed),
            Phase("chunks are processed", run.first_start, drained),
            Phase("finish", drained, seconds),
        ),
        bound_by=bound_by,
    )


def last_retries(work: ChunkWork, settings: Settings, running: float, invoked: Invocations) -> float:
    """The seconds for which one of the last chunks in progress is tried again after all others, on average."""
    if not work.retries or not work.failing:
        return 0.0
    in_progress = max(1.0, min(work.count, running * settings.batch_size))
    likely = -math.expm1(in_progress * math.log1p(-work.failing)) if work.failing < 1 else 1.0
    return likely * work.retries * (settings.retry_delay_seconds + invoked.retry_seconds)


def finish_ms(calls: CallTimes, shards: int) -> float:
    """The finalizer's last check: all shards are empty, failed items are counted, the end is stored and published.

    For each shard it reads how far it was counted, and then the counts; 16 shards at a time.
    """
    counting = 2 * math.ceil(shards / 16) * calls.dynamodb
    return calls.overhead + (2 + shards) * calls.dynamodb + counting + calls.events
