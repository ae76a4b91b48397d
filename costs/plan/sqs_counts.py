"""Counts of a batch of the SQS architecture: at least, as expected, at most.

The workload alone decides the writes of chunk, batch and segment records, sends, events and S3 requests. Time decides
how many messages an invocation takes, and which of several checks of a shard or of the batch is the last.
"""

import math
from itertools import accumulate

from costs.facts.figures import Quotas
from costs.plan.retries import Attempts, PlannedBatch
from costs.plan.rows import Estimate, added, estimate, spread
from costs.plan.settings import Settings
from costs.plan.shape import SqsShape
from costs.plan.sizes import chunk_record_bytes, failed_count_bytes, segment_record_bytes
from handlers.aws.sqs import MAX_BATCH_MESSAGES
from handlers.sqs.encoding import Record
from handlers.sqs.records import LANES
from handlers.sqs.table import GLIMPSED_SEGMENTS
from sandbox.meter.item_size import item_bytes as record_bytes
from sandbox.meter.item_size import value_bytes
from sandbox.meter.rules import READ_BYTES, SQS_STEP_BYTES, read_units, sqs_requests, write_units

FINALIZERS = 2
"""MaximumConcurrency of the finalizer's event source."""
GLIMPSED_RECORDS = 100
PAGE_BYTES = 1_000_000
"""Of a query's answer: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
# AWS's own: units have no quotas to try.
EVENT_BYTES = int(Quotas.load()["lambda.event_bytes"])
PROVISIONED_CONCURRENCY = int(Quotas.load()["lambda.provisioned_poller_concurrency"])
PROCESSOR_COUNTS = ("processors", "chunk_receives", "chunk_deletes", "shard_checks", "seal_checks", "nudges")


def batcher_counts(batch: PlannedBatch[SqsShape], record: Record) -> dict[str, Estimate]:
    """The batcher's counts.

    A lane that takes longer than one invocation is continued by another one. That happens at most once a window,
    because every invocation makes at least one window.
    """
    shape, timing, segments = batch.shape, batch.timing, batch.shape.segments
    windows = spread(shape.windows for shape in batch.shapes)
    lanes = min(LANES, segments)
    planned = timing.batcher_invocations - lanes if timing else 0
    continued = estimate(0, planned, windows.most - shape.filled_segments)
    # A check that comes between two segments of a lane, or two batchers, may invoke another one.
    between = segments > lanes or continued.most
    doubled = Estimate(0, 0, lanes * rounds(batch.settings) if between else 0)
    most_window = max(shape.window_requests for shape in batch.shapes)
    return {
        "windows": windows,
        "chunks": batch.chunks,
        "send_requests": spread(shape.send_requests for shape in batch.shapes),
        "resent_requests": Estimate(*(count * most_window for count in continued)),
        "continued": continued,
        "doubled": doubled,
        "batchers": added(continued, lanes, doubled),
        "sealing_units": sealing_units(record, segments),
        # A query reads the cursors that the other segments have by then.
        "cursors_units": estimate(1, 1, read_units(segments * segment_record_bytes(batch.batch_id))),
    }


def sealing_units(record: Record, segments: int) -> Estimate:
    """Write units of the updates that take a segment's number off the batch record, one for each segment.

    AWS bills each update by the record's size before it. Timing decides the order: if the longest numbers go first, the
    record shrinks fast; if the shortest go first, it stays large.
    """
    bare = record_bytes({name: value for name, value in record.items() if name != "segments"}) + len("segments")
    sizes = sorted(value_bytes({"N": str(number)}) for number in range(segments))

    whole = bare + sum(sizes)

    def units(order: list[int]) -> int:
        return sum(write_units(whole - taken_off) for taken_off in accumulate([0, *order[:-1]]))

    least, most = units(sizes[::-1]), units(sizes)
    return Estimate(least, (least + most) / 2, most)


def processor_counts(batch: PlannedBatch[SqsShape], tries: Attempts) -> dict[str, Estimate]:
    """The processor's counts.

    A message is handled once, once more for each retry, and once more whenever time runs out. An invocation takes one
    to `BatchSize` messages. A receive or a delete has at most ten of them.
    """
    settings, shape, chunks = batch.settings, batch.shape, batch.chunks
    again = added(tries.retries, tries.cut_short, tries.waited)
    handled = added(chunks, again)
    if not handled.most:
        return dict.fromkeys(PROCESSOR_COUNTS, Estimate(0, 0, 0))
    largest = max(shape.message_bytes for shape in batch.shapes)
    taken = min(settings.batch_size, max(1, EVENT_BYTES // largest))
    planned = batch.timing.processor_invocations if batch.timing else math.ceil(handled.expected / taken)
    processors = estimate(math.ceil(handled.least / settings.batch_size), planned, handled.most)
    messages = handled.expected / processors.expected
    per_call = min(MAX_BATCH_MESSAGES, settings.batch_size)
    # A sum of shares may be a hair above a whole number.
    calls = processors.expected * math.ceil(messages / MAX_BATCH_MESSAGES - 1e-9)
    least_sent = min(shape.sent_bytes for shape in batch.shapes)
    receives = estimate(
        max(math.ceil(handled.least / per_call), math.ceil(least_sent / SQS_STEP_BYTES)),
        calls * sqs_requests(min(messages, MAX_BATCH_MESSAGES) * shape.sent_bytes / chunks.expected),
        handled.most * sqs_requests(largest),
    )
    deletes = estimate(math.ceil(chunks.least / per_call), calls, chunks.most)
    # An invocation queries each shard in which it finished chunks and left none unfinished. So there is at least one
    # query per invocation if no chunk is handled twice, else at least one in all; and never more queries than chunks.
    touched = shape.shards * (1 - (1 - 1 / shape.shards) ** messages)
    shard_checks = estimate(1 if again.most else processors.least, processors.expected * touched, chunks.most)
    # The last query of each shard finds it empty. So may one at the same time, or one before the batcher puts more.
    used = min(shape.shards, chunks.expected)
    seal_checks = estimate(1, used, shard_checks.most)
    # Once the batch is sealed and a shard is empty, every processor that still runs may nudge the finalizer.
    running = settings.pollers * PROVISIONED_CONCURRENCY if settings.pollers else settings.max_concurrency
    nudges = estimate(0, used, min(shard_checks.most, shape.shards * running))
    return dict(zip(PROCESSOR_COUNTS, (processors, receives, deletes, shard_checks, seal_checks, nudges), strict=True))


def finalizer_counts(batch: PlannedBatch[SqsShape], tries: Attempts, nudges: Estimate) -> dict[str, Estimate]:
    """The finalizer's counts.

    One check ends the batch. A second finalizer may try at the same time and lose. The check message is redelivered
    until the batch has ended, at the latest at its deadline, and is received once more to be deleted. Each nudge, from
    the batcher or from a processor, is one check. An invocation may take several of these messages.
    """
    settings, timing = batch.settings, batch.timing
    messages = added(nudges, 2)
    most = nudges.most + 1 + rounds(settings)
    checks = estimate(2, timing.finalizer_invocations if timing else messages.expected, most)
    early = estimate(0, checks.expected - 2, most - 1)
    return {
        "checks": checks,
        "finalizers": Estimate(1, checks.expected, most),
        "early_checks": early,
        "finalizer_deletes": estimate(1, messages.expected, messages.most),
        "returned_checks": estimate(0, checks.expected - messages.expected, rounds(settings)),
        "cursors": Estimate(
            0, 0, early.most * sum(min(each, batch.shape.segments) for each in (GLIMPSED_SEGMENTS, LANES))
        ),
        "shard_units": shard_units(batch, tries),
        "counting_units": counting_units(batch, tries),
        "lost_endings": Estimate(0, 0, FINALIZERS - 1),
    }


def rounds(settings: Settings) -> int:
    """How often a batch's check message comes at most."""
    return math.ceil(settings.deadline_seconds / settings.check_interval_seconds) + 2


def shard_units(batch: PlannedBatch[SqsShape], tries: Attempts) -> Estimate:
    """Read units of an early check's queries, eventually consistent: half a unit for 4 KB.

    A check of a sealed batch reads shards up to the first one that is not empty. Every check reads the first hundred
    records of each shard.
    """
    shards = batch.shape.shards
    bitmaps = tries.failing_chunks.most or tries.cut_short.most
    record = chunk_record_bytes(batch.batch_id, batch.settings.items_per_chunk if bitmaps else 0)
    full = 0.5 * read_units(min(GLIMPSED_RECORDS, batch.chunks.most / shards) * record)
    return Estimate(shards * 0.5, 1 + shards * (0.5 + full) / 2, shards * (1 + full))


def counting_units(batch: PlannedBatch[SqsShape], tries: Attempts) -> Estimate:
    """Read units of the counts of failed items, in at least one query for each shard.

    AWS rounds up each query, of a shard's page of 1 MB. It is not known how the bytes are spread over the shards.
    """
    shards = batch.shape.shards
    size = Estimate(*(count * failed_count_bytes(batch.batch_id) for count in tries.failing_chunks))
    if shards == 1 and size.most <= PAGE_BYTES:
        return Estimate(*map(read_units, size))
    most = math.floor(size.most / READ_BYTES + shards + size.most / PAGE_BYTES)
    return estimate(max(shards, read_units(size.least)), shards * read_units(size.expected / shards), most)
