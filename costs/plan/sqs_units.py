"""What a batch of the SQS architecture uses, in the order in which docs/design.md tells the protocol.

The workload alone decides the writes of chunk, batch and segment records, sends, events and S3 requests. Time decides
how many messages an invocation takes, and which of several checks of a shard or of the batch is the last.
"""

import math
from collections.abc import Iterator

from costs.facts.quotas import Quotas
from costs.plan.lambda_units import lambda_usages
from costs.plan.log_lines import failure_lines, finished_lines, processor_lines, started_bytes
from costs.plan.retries import Attempts, PlannedBatch
from costs.plan.rows import Counts, Row, Three, added, spread, three, usages
from costs.plan.settings import Settings, Workload
from costs.plan.shape import SqsShape, sqs_shape
from costs.plan.sizes import (
    Record,
    batch_record,
    chunk_record_bytes,
    failed_count_bytes,
    failed_item_bytes,
    item_bytes,
    segment_record_bytes,
)
from costs.plan.timing import Timing
from costs.usage import BATCHER, CHUNKS, FINALIZER, PROCESSOR, SEGMENTS, Usage
from handlers.core.batch import BatchRequest, InputObject
from handlers.sqs.sizes import number_bytes, record_bytes
from handlers.sqs.table import GLIMPSED_SEGMENTS
from sandbox.meter.rules import READ_BYTES, SQS_STEP_BYTES, read_units, sqs_requests, write_units

RECEIVED = 10
"""Most messages of a ReceiveMessage, SendMessageBatch or DeleteMessageBatch."""
FINALIZERS = 2
"""MaximumConcurrency of the finalizer's event source."""
GLIMPSED_RECORDS = 100
PAGE_BYTES = 1_000_000
"""Of a query's answer: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
# AWS's own: units have no quotas to try.
EVENT_BYTES = int(Quotas.load()["lambda.event_bytes"])
PROVISIONED_CONCURRENCY = int(Quotas.load()["lambda.provisioned_poller_concurrency"])
# As the example's work fails; its length decides nothing unless an item is nearly a kilobyte.
ERROR = "ValueError: this item was made to fail (failRate)"
INPUT = InputObject("rollcall-input-000000000000-us-east-1", "input/items.jsonl", f'"{"0" * 32}"')
# The attributes that the finished batch's record has beside those of the open one.
FINISHED = {
    **{name: {"N": "1000000"} for name in ("succeeded", "failed", "remaining")},
    **{name: {"N": "1795000000123"} for name in ("finishedAt", "announceUntil", "drainedAt", "progressAt")},
    "progress": {"S": "0" * 32},
    "notified": {"BOOL": True},
}


def sqs_usages(workload: Workload, settings: Settings, batch_id: str, timing: Timing | None) -> list[Usage]:
    """All of a batch."""
    shapes = [
        sqs_shape(workload, settings, size, longest=case > 0, batch_id=batch_id)
        for case, size in enumerate(item_bytes(workload))
    ]
    batch = PlannedBatch(workload, settings, batch_id, timing, shapes)
    tries = batch.attempts(batch.shape.filled_segments, settings.batch_size)
    record = open_record(batch)
    batchers, processors = batcher_counts(batch, record), processor_counts(batch, tries)
    finalizers = finalizer_counts(batch, tries, processors["nudges"])
    counts: dict[str, Three | float] = {
        **vars(tries),
        **record_units(batch, record),
        **batchers,
        **processors,
        **finalizers,
        "started_bytes": started_bytes(batch_id),
        "metrics_bytes": processor_lines("sqs", batch, tries, processors["processors"], settings.batch_size),
        "failure_bytes": failure_lines("sqs", batch, tries),
        "finished_bytes": finished_lines("sqs", batch, tries),
    }
    invocations = {
        BATCHER: batchers["batchers"],
        PROCESSOR: processors["processors"],
        FINALIZER: finalizers["finalizers"],
    }
    return [
        *usages(lambda n: rows(n, batch), counts),
        *lambda_usages(settings, timing, invocations, settings.function_timeout),
    ]


def open_record(batch: PlannedBatch[SqsShape]) -> Record:
    """The batch record as the batcher creates it."""
    workload, settings, shape = batch.workload, batch.settings, batch.shape
    request = BatchRequest(
        batch_id=batch.batch_id,
        items=workload.items,
        input=None if workload.item_bytes is None else INPUT,
        items_per_chunk=settings.items_per_chunk,
        fail_rate=workload.fail_rate,
        item_concurrency=settings.item_concurrency,
        max_attempts=settings.max_attempts,
        deadline_seconds=settings.deadline_seconds,
    )
    return batch_record(batch.batch_id, request, shape.segments, shape.shards, shape.length, shape.segment_length)


def record_units(batch: PlannedBatch[SqsShape], record: Record) -> dict[str, float]:
    """Units of one write or read of a record: of the open batch, the batch at a check, the ended batch, a chunk."""
    batch_id, per_chunk = batch.batch_id, batch.settings.items_per_chunk
    checked = record | FINISHED
    ended = {name: value for name, value in checked.items() if name != "segments"}
    open_bytes, check_bytes = record_bytes(record), record_bytes(checked)
    failed_bytes = failed_item_bytes(batch_id, math.ceil(item_bytes(batch.workload).most), ERROR)
    return {
        "open_writes": write_units(open_bytes),
        "open_reads": read_units(open_bytes),
        "check_writes": write_units(check_bytes),
        "check_reads": read_units(check_bytes),
        "ended_writes": write_units(record_bytes(ended)),
        "chunk_writes": write_units(chunk_record_bytes(batch_id)),
        "bitmap_writes": write_units(chunk_record_bytes(batch_id, per_chunk)),
        "item_writes": write_units(failed_bytes),
        "count_writes": write_units(failed_count_bytes(batch_id)),
    }


def rows(n: Counts, batch: PlannedBatch[SqsShape]) -> Iterator[Row]:
    """What is billed of a batch in which this happens."""
    again = n.retries + n.cut_short
    requests, writes, reads = "sqs.requests", "dynamodb.write_units", "dynamodb.read_units"

    # The batcher: the request and the segments, a message for each invocation. Every handing on costs the read of the
    # batch, the claim, the release, and the last window's messages once more.
    yield Row(requests, None, "SendMessage", n.scheduled)
    yield Row(requests, BATCHER, "ReceiveMessage", n.batchers)
    yield Row(requests, BATCHER, "DeleteMessageBatch", 1 + n.segments)
    yield Row(requests, BATCHER, "ChangeMessageVisibility", n.handed_on)
    yield Row(requests, BATCHER, "SendMessage", 2)
    yield Row(requests, BATCHER, "SendMessageBatch", n.send_requests + n.handed_on * n.window_requests, CHUNKS)
    yield Row(requests, BATCHER, "SendMessageBatch", math.ceil(n.segments / RECEIVED), SEGMENTS)
    yield Row(writes, BATCHER, "PutItem", n.open_writes + 1)
    yield Row(writes, BATCHER, "BatchWriteItem", n.chunks)
    yield Row(writes, BATCHER, "UpdateItem", n.windows + n.segments + n.handed_on * 2 + n.sealing_units)
    yield Row(reads, BATCHER, "GetItem", (n.windows + n.segments + n.handed_on) * n.open_reads)
    if batch.workload.item_bytes is not None:
        if n.segments > 1:
            yield Row(reads, BATCHER, "Query", n.cursors_units * (n.segments + n.handed_on))
        yield Row("s3.gets", BATCHER, "GetObject", 1 + n.handed_on + n.segments)
    yield Row("events.published", BATCHER, "PutEvents", 1)
    yield Row("logs.bytes", BATCHER, "function", n.started_bytes)

    # The processor: claims, processes, deletes, and checks whether it was the last.
    yield Row(requests, PROCESSOR, "ReceiveMessage", n.chunk_receives)
    yield Row(requests, PROCESSOR, "DeleteMessageBatch", n.chunk_deletes)
    yield Row(requests, PROCESSOR, "ChangeMessageVisibility", again + n.waited)
    yield Row(requests, PROCESSOR, "SendMessage", n.nudges)
    yield Row(
        writes, PROCESSOR, "UpdateItem", n.chunks * n.chunk_writes + (2 * again + n.failing_chunks) * n.bitmap_writes
    )
    deletes = n.chunks * n.chunk_writes + (n.failing_chunks + n.cut_short) * (n.bitmap_writes - n.chunk_writes)
    failures = n.failed_items * n.item_writes + n.failing_chunks * n.count_writes
    yield Row(writes, PROCESSOR, "BatchWriteItem", deletes + failures)
    yield Row(reads, PROCESSOR, "Query", n.shard_checks)
    yield Row(reads, PROCESSOR, "GetItem", n.seal_checks * n.open_reads)
    yield Row("logs.bytes", PROCESSOR, "function", n.metrics_bytes + n.failure_bytes)

    # The finalizer: checks the batch for the check message, every interval, and for every nudge.
    yield Row(requests, FINALIZER, "ReceiveMessage", n.finalizers)
    yield Row(requests, FINALIZER, "DeleteMessageBatch", n.finalizer_deletes)
    yield Row(requests, FINALIZER, "ChangeMessageVisibility", n.returned_checks)
    closing = 1 + n.lost_endings
    yield Row(reads, FINALIZER, "GetItem", n.checks * n.check_reads + n.segment_glimpses + closing * n.shards)
    yield Row(reads, FINALIZER, "Query", closing * (n.counting_units + n.shards) + n.early_checks * n.shard_units)
    yield Row(writes, FINALIZER, "UpdateItem", max(0, n.early_checks) * n.check_writes + 2 * n.ended_writes)
    yield Row(writes, FINALIZER, "UpdateItem:failed-condition", n.lost_endings * n.ended_writes)
    yield Row("events.published", FINALIZER, "PutEvents", 1)
    yield Row("logs.bytes", FINALIZER, "function", n.finished_bytes)


def batcher_counts(batch: PlannedBatch[SqsShape], record: Record) -> dict[str, Three]:
    """The batcher's counts.

    A segment that takes longer than an invocation is handed on: at most once a window, since an invocation makes one
    at least.
    """
    shape, timing, segments = batch.shape, batch.timing, batch.shape.segments
    windows = spread(each.windows for each in batch.shapes)
    handed_on = three(
        0, timing.batcher_invocations - 1 - segments if timing else 0, windows.most - shape.filled_segments
    )
    return {
        "segments": Three(*[segments] * 3),
        "shards": Three(*[shape.shards] * 3),
        "windows": windows,
        "chunks": batch.chunks,
        "send_requests": spread(each.send_requests for each in batch.shapes),
        "window_requests": Three(*[max(each.window_requests for each in batch.shapes)] * 3),
        # EventBridge sends the request where the schedule starts the batch.
        "scheduled": Three(0, 1, 1),
        "handed_on": handed_on,
        "batchers": added(handed_on, 1, segments),
        "sealing_units": sealing_units(record, segments),
        # What a query reads of the other segments' cursors depends on how many there are by then.
        "cursors_units": three(1, 1, read_units(segments * segment_record_bytes(batch.batch_id))),
    }


def sealing_units(record: Record, segments: int) -> Three:
    """Write units of taking every segment's number off the batch record, which is billed as it was before.

    Time decides the order: with the longest numbers first the record shrinks fast, with the shortest it stays large.
    """
    bare = record_bytes({name: value for name, value in record.items() if name != "segments"}) + len("segments")
    sizes = sorted(number_bytes(str(number)) for number in range(segments))

    def units(order: list[int]) -> int:
        left, found = sum(order), 0
        for size in order:
            found += write_units(bare + left)
            left -= size
        return found

    least, most = units(sizes[::-1]), units(sizes)
    return Three(least, (least + most) / 2, most)


def processor_counts(batch: PlannedBatch[SqsShape], tries: Attempts) -> dict[str, Three]:
    """The processor's counts.

    A message is handled once, again for each retry, and whenever time ran out. An invocation takes `BatchSize` messages
    at most and one at least, and so do its receives and deletes, of ten at most each.
    """
    settings, shape, chunks = batch.settings, batch.shape, batch.chunks
    again = added(tries.retries, tries.cut_short, tries.waited)
    handled = added(chunks, again)
    names = ("processors", "chunk_receives", "chunk_deletes", "shard_checks", "seal_checks", "nudges")
    if not handled.most:
        return dict.fromkeys(names, Three(0, 0, 0))
    largest = max(each.message_bytes for each in batch.shapes)
    taken = min(settings.batch_size, max(1, EVENT_BYTES // largest))
    planned = batch.timing.processor_invocations if batch.timing else math.ceil(handled.expected / taken)
    processors = three(math.ceil(handled.least / settings.batch_size), planned, handled.most)
    messages = handled.expected / processors.expected
    per_call = min(RECEIVED, settings.batch_size)
    calls = processors.expected * math.ceil(messages / RECEIVED)
    least_sent = min(each.sent_bytes for each in batch.shapes)
    receives = three(
        max(math.ceil(handled.least / per_call), math.ceil(least_sent / SQS_STEP_BYTES)),
        calls * sqs_requests(min(messages, RECEIVED) * shape.sent_bytes / chunks.expected),
        handled.most * sqs_requests(largest),
    )
    deletes = three(math.ceil(chunks.least / per_call), calls, chunks.most)
    # One query for each invocation and shard of which it finished a chunk and left none: one an invocation at least
    # where nothing is returned, one for the last in any case, and never more than chunks.
    touched = shape.shards * (1 - (1 - 1 / shape.shards) ** messages)
    shard_checks = three(1 if again.most else processors.least, processors.expected * touched, chunks.most)
    # The last of each shard finds it empty; others may, before the batcher has put more or at the same time.
    used = min(shape.shards, chunks.expected)
    seal_checks = three(1, used, shard_checks.most)
    # Once the batch is sealed and a shard is empty, the processors nudge that check it last: those that run then.
    running = settings.pollers * PROVISIONED_CONCURRENCY if settings.pollers else settings.max_concurrency
    nudges = three(0, used, min(shard_checks.most, shape.shards * running))
    return dict(zip(names, (processors, receives, deletes, shard_checks, seal_checks, nudges), strict=True))


def finalizer_counts(batch: PlannedBatch[SqsShape], tries: Attempts, nudges: Three) -> dict[str, Three]:
    """The finalizer's counts.

    One check ends the batch, and a second one may try at the same time and lose. The check message is redelivered until
    the batch has ended, its deadline at the latest, and once more to be deleted; a nudge, the batcher's and the
    processors', is one check. An invocation may take several of them.
    """
    settings, timing = batch.settings, batch.timing
    rounds = math.ceil(settings.deadline_seconds / settings.check_interval_seconds) + 2
    messages = added(nudges, 2)
    most = nudges.most + 1 + rounds
    checks = three(2, timing.finalizer_invocations if timing else messages.expected, most)
    early = three(0, checks.expected - 2, most - 1)
    return {
        "checks": checks,
        "finalizers": Three(1, checks.expected, most),
        "early_checks": early,
        "finalizer_deletes": three(1, messages.expected, messages.most),
        "returned_checks": three(0, checks.expected - messages.expected, rounds),
        "segment_glimpses": Three(0, 0, early.most * min(GLIMPSED_SEGMENTS, batch.shape.segments)),
        "shard_units": shard_units(batch, tries),
        "counting_units": counting_units(batch, tries),
        "lost_endings": Three(0, 0, FINALIZERS - 1),
    }


def shard_units(batch: PlannedBatch[SqsShape], tries: Attempts) -> Three:
    """Read units of an early check's queries, eventually consistent: half a unit for 4 KB.

    Once the batch is sealed it reads shards up to the first that is not empty, and always the first hundred records of
    each.
    """
    shards = batch.shape.shards
    bitmaps = tries.failing_chunks.most or tries.cut_short.most
    record = chunk_record_bytes(batch.batch_id, batch.settings.items_per_chunk if bitmaps else 0)
    full = 0.5 * read_units(min(GLIMPSED_RECORDS, batch.chunks.most / shards) * record)
    return Three(shards * 0.5, 1 + shards * (0.5 + full) / 2, shards * (1 + full))


def counting_units(batch: PlannedBatch[SqsShape], tries: Attempts) -> Three:
    """Read units of the counts of failed items, in one query or more for each shard.

    Each query, of a shard's page of 1 MB, is rounded up; how the bytes are shared out among shards is not known.
    """
    shards = batch.shape.shards
    size = Three(*(count * failed_count_bytes(batch.batch_id) for count in tries.failing_chunks))
    if shards == 1 and size.most <= PAGE_BYTES:
        return Three(*map(read_units, size))
    most = math.floor(size.most / READ_BYTES + shards + size.most / PAGE_BYTES)
    return three(max(shards, read_units(size.least)), shards * read_units(size.expected / shards), most)
