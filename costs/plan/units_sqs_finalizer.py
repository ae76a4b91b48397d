"""What the finalizers of the SQS architecture use: looks at the batch until one of them ends it."""

import math

from costs.plan.sizes_dynamodb import READ_BYTES, chunk_record_bytes, failed_count_bytes, read_units, write_units
from costs.plan.timing import Timing
from costs.plan.units_range import Range
from costs.plan.units_sqs_batch import FINALIZER, SqsBatch
from costs.plan.units_tally import Tally
from handlers.sqs.sizes import record_bytes
from handlers.sqs.table import GLIMPSED_SEGMENTS

FINALIZERS = 2
"""MaximumConcurrency of the finalizer's event source."""
GLIMPSED_RECORDS = 100
PAGE_BYTES = 1_000_000
"""Of a query's answer: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html"""
# What a finished batch's record has beside the counts that stand in it from the start.
FINISHED = {
    **{name: {"N": "1000000"} for name in ("succeeded", "failed", "remaining")},
    **{name: {"N": "1795000000123"} for name in ("finishedAt", "announceUntil", "drainedAt", "progressAt")},
    "progress": {"S": "0" * 32},
    "notified": {"BOOL": True},
}


def finalizer(tally: Tally, batch: SqsBatch, nudges: Range, timing: Timing | None) -> Range:
    """The finalizer: looks at the batch for the check message, every interval, and for every nudge; returns its looks.

    One look ends the batch, and a second one may try at the same time and lose. The check message comes round until the
    batch has ended, its deadline at the latest, and once more to be deleted; a nudge, the batcher's and the
    processors', is one look. An invocation may take several of them.
    """
    settings = batch.settings
    rounds = math.ceil(settings.deadline_seconds / settings.check_interval_seconds) + 2
    messages = nudges + 2
    most = nudges.high + 1 + rounds
    seen = Range.of(2, timing.finalizer_invocations if timing else messages.expected, most)
    invocations = Range(1, seen.expected, most)
    early = Range.of(0, seen.expected - 2, most - 1)
    tally.add("lambda.requests", FINALIZER, "invoke", invocations, "finalizer's invocations")
    tally.add("sqs.requests", FINALIZER, "ReceiveMessage", invocations, "receiving the check message and nudges")
    deletes = Range.of(1, messages.expected, messages.high)
    tally.add("sqs.requests", FINALIZER, "DeleteMessageBatch", deletes, "deleting the check message and nudges")
    back = Range.of(0, seen.expected - messages.expected, rounds)
    tally.add("sqs.requests", FINALIZER, "ChangeMessageVisibility", back, "handing the check message back")
    record = record_bytes(batch.record | FINISHED)
    unsealed = Range.of(0, 0, early.high * min(GLIMPSED_SEGMENTS, batch.segments))
    closing = batch.shards + Range.of(0, 0, FINALIZERS - 1) * batch.shards
    reads = seen * read_units(record) + unsealed + closing
    tally.add("dynamodb.read_units", FINALIZER, "GetItem", reads, "the batch record, open segments, how far it counted")
    tally.add("dynamodb.read_units", FINALIZER, "Query", shard_reads(batch, early), "shards, and counts of failures")
    ended = record_bytes({name: value for name, value in (batch.record | FINISHED).items() if name != "segments"})
    open_units = write_units(record)
    updates = early.map(lambda count: max(0.0, count)) * open_units + 2 * write_units(ended)
    tally.add("dynamodb.write_units", FINALIZER, "UpdateItem", updates, "progress seen, the ending, the announcement")
    lost = Range.of(0, 0, FINALIZERS - 1) * write_units(ended)
    tally.add("dynamodb.write_units", FINALIZER, "UpdateItem:failed-condition", lost, "endings that another had set")
    tally.add("events.published", FINALIZER, "PutEvents", 1, "Batch Finished")
    return invocations


def shard_reads(batch: SqsBatch, early: Range) -> Range:
    """Read units of the finalizer's queries.

    The look that ends the batch finds every shard empty and reads the counts of each one's failed items. Before that
    a look reads, once the batch is sealed, shards up to the first that is not empty, and always the first hundred
    records of each, eventually consistent: half a unit for 4 KB.
    """
    shards = batch.shards
    tries = batch.attempts
    counting = counting_reads(tries.failing_chunks * failed_count_bytes(batch.batch_id), shards)
    bitmaps = tries.failing_chunks.high or tries.cut_short.high
    record = chunk_record_bytes(batch.batch_id, batch.settings.items_per_chunk if bitmaps else 0)
    full = 0.5 * read_units(min(GLIMPSED_RECORDS, batch.chunks.high / shards) * record)
    a_look = Range(shards * 0.5, 1 + shards * (0.5 + full) / 2, shards * (1 + full))
    lost = Range.of(0, 0, FINALIZERS - 1) * (counting + shards)
    return counting + shards + early * a_look + lost


def counting_reads(size: Range, shards: int) -> Range:
    """Read units of the counts of failed items, `size` bytes of them, a query or more for each shard.

    Each query, of a shard's page of 1 MB, is rounded up; how the bytes are shared out among shards is not known.
    """
    if shards == 1 and size.high <= PAGE_BYTES:
        return size.map(read_units)
    low, high = max(shards, read_units(size.low)), size.high / READ_BYTES + shards + size.high / PAGE_BYTES
    return Range.of(low, shards * read_units(size.expected / shards), math.floor(high))
