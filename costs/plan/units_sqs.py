"""What a batch of the SQS architecture uses, step by step as docs/design.md tells the protocol.

Known from the workload alone: chunk, batch and segment records' writes, sends, events, S3 requests. Time decides how
many messages an invocation gets, and which of several looks at a shard or at the batch is the last; the bounds of each
are told where they are made.
"""

import math

from costs.plan import fixed, log_bytes, units_lambda
from costs.plan.sizes_dynamodb import cursor_record, read_units, write_units
from costs.plan.timing import Timing
from costs.plan.units_logs import failure_lines, finished_lines, platform_lines, processor_lines
from costs.plan.units_range import Range
from costs.plan.units_sqs_batch import BATCHER, FINALIZER, PROCESSOR, RECEIVED, SqsBatch
from costs.plan.units_sqs_finalizer import finalizer
from costs.plan.units_sqs_processor import processor
from costs.plan.units_tally import Tally
from handlers.sqs.sizes import number_bytes, record_bytes


def batcher(tally: Tally, batch: SqsBatch, timing: Timing | None) -> Range:
    """The batcher: starts the batch and makes its segments; returns its invocations.

    A message each for the request and the segments, one an invocation. A segment that takes longer than an invocation
    is handed on: at most once a window, since an invocation makes one at least. Every handing on costs the look at the
    batch, the claim, the release, and the last window's messages once more.
    """
    segments = batch.segments
    windows = Range.over(batch.cuts, lambda cut: cut.windows)
    filled = batch.cuts[1].filled
    handed = Range.of(0, timing.batcher_invocations - 1 - segments if timing else 0, windows.high - filled)
    invocations = handed + 1 + segments
    tally.add("lambda.requests", BATCHER, "invoke", invocations, "batcher's invocations")
    tally.add("sqs.requests", None, "SendMessage", Range(0, 1, 1), "the schedule's event, where it starts the batch")
    tally.add("sqs.requests", BATCHER, "ReceiveMessage", invocations, "receiving the request and the segments")
    tally.add("sqs.requests", BATCHER, "DeleteMessageBatch", 1 + segments, "deleting the request and the segments")
    tally.add("sqs.requests", BATCHER, "ChangeMessageVisibility", handed, "segments handed on for want of time")
    tally.add("sqs.requests", BATCHER, "SendMessage", 2, "the check message, and the nudge of whoever seals")
    again = handed * max(cut.window_steps for cut in batch.cuts)
    sends = Range.over(batch.cuts, lambda cut: cut.send_steps) + again
    tally.add("sqs.requests", BATCHER, "SendMessageBatch", sends, "sending chunks")
    tally.add("sqs.requests", BATCHER, "SendMessageBatch", math.ceil(segments / RECEIVED), "sending segments")
    record = batch.record
    sealing, created = sealing_writes(record, segments), write_units(record_bytes(record))
    tally.add("dynamodb.write_units", BATCHER, "PutItem", created + 1, "the batch record, and its line in the list")
    tally.add("dynamodb.write_units", BATCHER, "BatchWriteItem", batch.chunks, "chunk records")
    leases = windows + segments + handed * 2
    tally.add("dynamodb.write_units", BATCHER, "UpdateItem", leases, "claims and cursors of segments")
    tally.add("dynamodb.write_units", BATCHER, "UpdateItem", sealing, "counting segments as made")
    reads = (windows + segments + handed) * read_units(record_bytes(record))
    tally.add("dynamodb.read_units", BATCHER, "GetItem", reads, "the batch record before each window")
    if batch.from_file:
        if segments > 1:
            cursors = Range.of(1, 1, read_units(segments * record_bytes(cursor_record(batch.batch_id))))
            looks = cursors * (segments + handed)
            tally.add("dynamodb.read_units", BATCHER, "Query", looks, "what the other segments have, for MaxItems")
        tally.add("s3.gets", BATCHER, "GetObject", 1, "pinning the input")
        tally.add("s3.gets", BATCHER, "GetObject", handed + segments, "reading the input, from each segment's start")
    tally.add("events.published", BATCHER, "PutEvents", 1, "Batch Started")
    return invocations


def sealing_writes(record: dict, segments: int) -> Range:
    """Write units of taking every segment's number off the batch record, which is billed as it was before.

    Which is taken first, time decides: the longest numbers, the record shrinks fast; the shortest, it stays large.
    """
    bare = record_bytes({name: value for name, value in record.items() if name != "segments"}) + len("segments")
    sizes = sorted(number_bytes(str(number)) for number in range(segments))

    def units(order: list[int]) -> int:
        left, found = sum(order), 0
        for size in order:
            found += write_units(bare + left)
            left -= size
        return found

    low, high = units(sizes[::-1]), units(sizes)
    return Range(low, (low + high) / 2, high)


def add(tally: Tally, batch: SqsBatch, timing: Timing | None) -> None:
    """All of a batch."""
    settings, tries, chunks = batch.settings, batch.attempts, batch.chunks
    batchers = batcher(tally, batch, timing)
    processors, nudges = processor(tally, batch, timing)
    finalizers = finalizer(tally, batch, nudges, timing)
    cold, timeout = (timing.cold_starts if timing else 0), settings.function_timeout
    platform_lines(tally, BATCHER, fixed.ORCHESTRATION_MEMORY, timeout, batchers, min(cold, 1))
    platform_lines(tally, PROCESSOR, settings.processor_memory, timeout, processors, max(0, cold - 2))
    platform_lines(tally, FINALIZER, fixed.ORCHESTRATION_MEMORY, timeout, finalizers, min(cold, 1))
    tally.add("logs.bytes", BATCHER, "function", log_bytes.started_bytes(batch.batch_id), "Batch Started, logged")
    items, taken = batch.workload.items, settings.batch_size * settings.items_per_chunk
    metrics = processor_lines("sqs", processors, tries, items, taken, settings, timing)
    tally.add("logs.bytes", PROCESSOR, "function", metrics, "metrics of the processor")
    failures = failure_lines("sqs", batch.batch_id, tries, chunks, settings.items_per_chunk)
    tally.add("logs.bytes", PROCESSOR, "function", failures, "failures")
    finished = finished_lines("sqs", batch.batch_id, tries, items, chunks, settings.deadline_seconds, timing)
    tally.add("logs.bytes", FINALIZER, "function", finished, "Batch Finished, logged, and its metric")
    if timing:
        units_lambda.batcher(tally, settings, timing, batchers, timeout)
        units_lambda.processor(tally, settings, timing, processors)
        units_lambda.finalizer(tally, settings, timing, finalizers)
