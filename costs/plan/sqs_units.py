"""The billed quantities of a batch of the SQS architecture, in the order of docs/design.md."""

import math
from collections.abc import Iterator
from dataclasses import replace

from costs.plan import sizes
from costs.plan.log_lines import logged
from costs.plan.retries import PlannedBatch
from costs.plan.rows import Counts, Estimate, row, usages
from costs.plan.settings import Settings, Workload
from costs.plan.shape import SqsShape, sqs_shape
from costs.plan.sqs_counts import batcher_counts, finalizer_counts, processor_counts
from costs.plan.timing import Timing
from costs.usage import BATCHER, FINALIZER, PROCESSOR, Usage
from handlers.core.batch import BatchRequest, InputObject
from handlers.sqs.encoding import Record, batch_record
from handlers.sqs.records import BatchKey
from handlers.sqs.start import opened
from handlers.sqs.table.base import expiry
from sandbox.meter.item_size import item_bytes as record_bytes
from sandbox.meter.rules import read_units, write_units

# The error of the example's process. Its length matters only for items of nearly a kilobyte.
ERROR = "ValueError: this item was made to fail (failRate)"
INPUT = InputObject("rollcall-input-000000000000-us-east-1", "input/items.jsonl", f'"{"0" * 32}"')
# The attributes that the record of a finished batch has besides those of an open batch.
FINISHED = {
    **{name: {"N": "1000000"} for name in ("succeeded", "failed", "remaining")},
    **{name: {"N": "1795000000123"} for name in ("finishedAt", "announceUntil", "drainedAt", "progressAt")},
    "progress": {"S": "0" * 32},
    "notified": {"BOOL": True},
}


def sqs_usages(
    workload: Workload, settings: Settings, batch_id: str, timing: Timing | None
) -> tuple[list[Usage], dict[str, Estimate]]:
    """The billed quantities of a batch except those of Lambda, and each function's invocations."""
    shapes = [
        sqs_shape(workload, settings, size, longest=case > 0, batch_id=batch_id)
        for case, size in enumerate(sizes.item_bytes(workload))
    ]
    batch = PlannedBatch(workload, settings, batch_id, timing, shapes)
    tries = batch.attempts(batch.shape.filled_segments, settings.batch_size)
    record = open_record(batch)
    batchers, processors = batcher_counts(batch, record), processor_counts(batch, tries)
    finalizers = finalizer_counts(batch, tries, processors["nudges"])
    counts: dict[str, Estimate | float] = {
        **vars(tries),
        **record_units(batch, record),
        **batchers,
        **processors,
        **finalizers,
        **logged(batch, tries, processors["processors"], settings.batch_size),
    }
    invocations = {
        BATCHER: batchers["batchers"],
        PROCESSOR: processors["processors"],
        FINALIZER: finalizers["finalizers"],
    }
    return usages(lambda n: rows(n, batch), counts), invocations


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
    created = replace(
        opened(BatchKey(batch.batch_id), request, 0, shape.segments, sizes.NOW),
        shards=shape.shards,
        segment_length=shape.segment_length,
        extent=shape.length,
        expected=None if request.input else request.items,
    )
    return batch_record(created) | {"expiresAt": expiry(sizes.NOW)}


def record_units(batch: PlannedBatch[SqsShape], record: Record) -> dict[str, float]:
    """Units of one write or one read of a record: the open batch, the batch at a check, the ended batch, a chunk."""
    batch_id, per_chunk = batch.batch_id, batch.settings.items_per_chunk
    checked = record | FINISHED
    ended = {name: value for name, value in checked.items() if name != "segments"}
    open_bytes, check_bytes = record_bytes(record), record_bytes(checked)
    failed_bytes = sizes.failed_item_bytes(batch_id, math.ceil(sizes.item_bytes(batch.workload).most), ERROR)
    return {
        "open_writes": write_units(open_bytes),
        "open_reads": read_units(open_bytes),
        "check_writes": write_units(check_bytes),
        "check_reads": read_units(check_bytes),
        "ended_writes": write_units(record_bytes(ended)),
        "chunk_writes": write_units(sizes.chunk_record_bytes(batch_id)),
        "bitmap_writes": write_units(sizes.chunk_record_bytes(batch_id, per_chunk)),
        "item_writes": write_units(failed_bytes),
        "count_writes": write_units(sizes.failed_count_bytes(batch_id)),
    }


def rows(n: Counts, batch: PlannedBatch[SqsShape]) -> Iterator[Usage]:
    """The billed quantities of a batch with these counts."""
    shape, again = batch.shape, n.retries + n.cut_short
    requests, writes, reads = "sqs.requests", "dynamodb.write_units", "dynamodb.read_units"

    # The batcher is invoked with the request, and with each other lane of segments. A segment that is continued costs
    # one more read of the batch, a claim, a release, and the last window's messages.
    yield row(requests, BATCHER, "SendMessage", 2)
    yield row(requests, BATCHER, "SendMessageBatch", n.send_requests + n.resent_requests)
    yield row(writes, BATCHER, "PutItem", n.open_writes + 1)
    yield row(writes, BATCHER, "BatchWriteItem", n.chunks)
    yield row(writes, BATCHER, "UpdateItem", n.windows + shape.segments + n.continued * 2 + n.sealing_units)
    yield row(writes, BATCHER, "UpdateItem:failed-condition", n.doubled)
    yield row(reads, BATCHER, "GetItem", (n.windows + n.batchers - 1) * n.open_reads)
    if batch.workload.item_bytes is not None:
        if shape.segments > 1:
            yield row(reads, BATCHER, "Query", n.cursors_units * (shape.segments + n.continued))
        yield row("s3.gets", BATCHER, "GetObject", 1 + n.continued + shape.segments)
    yield row("events.published", BATCHER, "PutEvents", 1)
    yield row("logs.bytes", BATCHER, "function", n.started_bytes)

    # The processor claims chunks, processes and deletes them, and checks whether they were the last.
    yield row(requests, PROCESSOR, "ReceiveMessage", n.chunk_receives)
    yield row(requests, PROCESSOR, "DeleteMessageBatch", n.chunk_deletes)
    yield row(requests, PROCESSOR, "ChangeMessageVisibility", again + n.waited)
    yield row(requests, PROCESSOR, "SendMessage", n.nudges)
    yield row(writes, PROCESSOR, "UpdateItem", n.chunks * n.chunk_writes + 2 * again * n.bitmap_writes)
    deletes = n.chunks * n.chunk_writes + (n.failing_chunks + n.cut_short) * (n.bitmap_writes - n.chunk_writes)
    failures = n.failed_items * n.item_writes + n.failing_chunks * n.count_writes
    yield row(writes, PROCESSOR, "BatchWriteItem", deletes + failures)
    yield row(reads, PROCESSOR, "Query", n.shard_checks)
    yield row(reads, PROCESSOR, "GetItem", n.seal_checks * n.open_reads)
    yield row("logs.bytes", PROCESSOR, "function", n.counts_bytes + n.failed_item_bytes + n.failure_bytes)

    # The finalizer checks the batch at every check interval and for every nudge.
    yield row(requests, FINALIZER, "ReceiveMessage", n.finalizers)
    yield row(requests, FINALIZER, "DeleteMessageBatch", n.finalizer_deletes)
    yield row(requests, FINALIZER, "ChangeMessageVisibility", n.returned_checks)
    closing = 1 + n.lost_endings
    yield row(reads, FINALIZER, "GetItem", n.checks * n.check_reads + n.cursors + closing * shape.shards)
    yield row(reads, FINALIZER, "Query", closing * (n.counting_units + shape.shards) + n.early_checks * n.shard_units)
    yield row(writes, FINALIZER, "UpdateItem", max(0, n.early_checks) * n.check_writes + 2 * n.ended_writes)
    yield row(writes, FINALIZER, "UpdateItem:failed-condition", n.lost_endings * n.ended_writes)
    yield row("events.published", FINALIZER, "PutEvents", 1)
    yield row("logs.bytes", FINALIZER, "function", n.finished_bytes)
