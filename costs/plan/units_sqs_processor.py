"""What the processors of the SQS architecture use: claims, deletes, and the looks for whoever was last."""

import math

from costs.facts.quotas import Quotas
from costs.plan.sizes_dynamodb import chunk_record_bytes, failed_count_bytes, read_units, write_units
from costs.plan.sizes_messages import STEP_BYTES, steps
from costs.plan.timing import Timing
from costs.plan.units_range import NONE, Range
from costs.plan.units_sqs_batch import PROCESSOR, RECEIVED, SqsBatch, failed_bytes
from costs.plan.units_tally import Tally
from handlers.sqs.sizes import record_bytes

# AWS's own: units have no quotas to try.
EVENT_BYTES = int(Quotas.load()["lambda.event_bytes"])
PROVISIONED_CONCURRENCY = int(Quotas.load()["lambda.provisioned_poller_concurrency"])


def processor(tally: Tally, batch: SqsBatch, timing: Timing | None) -> tuple[Range, Range]:
    """The processor: claims, works, deletes, looks whether it was the last; returns its invocations and its nudges.

    A message is handled once, again for each retry and whenever time ran out. An invocation takes `BatchSize` at most
    and one at least, and so do its receive and its delete, of ten at most each.
    """
    settings, tries, chunks = batch.settings, batch.attempts, batch.chunks
    again = tries.retries + tries.cut_short + tries.waited
    handled = chunks + again
    if not handled.high:
        return NONE, NONE
    body = max(cut.body_bytes for cut in batch.cuts)
    taken = min(settings.batch_size, max(1, EVENT_BYTES // body))
    least = math.ceil(handled.low / settings.batch_size)
    invocations = Range.of(
        least, timing.processor_invocations if timing else math.ceil(handled.expected / taken), handled.high
    )
    messages = handled.expected / invocations.expected
    tally.add("lambda.requests", PROCESSOR, "invoke", invocations, "processor's invocations")
    a_call = min(RECEIVED, settings.batch_size)
    calls = invocations.expected * math.ceil(messages / RECEIVED)
    a_receive = steps(min(messages, RECEIVED) * batch.cuts[1].sent_bytes / chunks.expected)
    receives = Range.of(
        max(math.ceil(handled.low / a_call), math.ceil(min(cut.sent_bytes for cut in batch.cuts) / STEP_BYTES)),
        calls * a_receive,
        handled.high * steps(body),
    )
    tally.add("sqs.requests", PROCESSOR, "ReceiveMessage", receives, "receiving chunks")
    deletes = Range.of(math.ceil(chunks.low / a_call), calls, chunks.high)
    tally.add("sqs.requests", PROCESSOR, "DeleteMessageBatch", deletes, "deleting chunks' messages")
    tally.add("sqs.requests", PROCESSOR, "ChangeMessageVisibility", again, "chunks handed back")
    records(tally, batch)
    queries = looks(batch, invocations, messages, again.high > 0)
    tally.add("dynamodb.read_units", PROCESSOR, "Query", queries, "whether the shard is empty")
    # The last of each shard finds it empty; others may, before the batcher has put more or at the same time.
    used = min(batch.shards, chunks.expected)
    seen_empty = Range.of(1, used, queries.high)
    sealed_reads = seen_empty * read_units(record_bytes(batch.record))
    tally.add("dynamodb.read_units", PROCESSOR, "GetItem", sealed_reads, "whether the batch is sealed")
    # Once it is sealed and a shard is empty, whoever touched it and looks last nudges: those that run at that time.
    at_once = settings.pollers * PROVISIONED_CONCURRENCY if settings.pollers else settings.max_concurrency
    nudges = Range.of(0, used, min(queries.high, batch.shards * at_once))
    tally.add("sqs.requests", PROCESSOR, "SendMessage", nudges, "nudges")
    return invocations, nudges


def records(tally: Tally, batch: SqsBatch) -> None:
    """The chunk records' writes: claims, what is kept of a partial attempt, failed items, deletes."""
    tries = batch.attempts
    small = write_units(chunk_record_bytes(batch.batch_id))
    with_bitmap = write_units(chunk_record_bytes(batch.batch_id, batch.settings.items_per_chunk))
    again = tries.retries + tries.cut_short
    tally.add("dynamodb.write_units", PROCESSOR, "UpdateItem", batch.chunks * small, "claiming chunks")
    partial = again * (2 * with_bitmap) + tries.failing_chunks * with_bitmap
    tally.add("dynamodb.write_units", PROCESSOR, "UpdateItem", partial, "further claims, what is kept of an attempt")
    deletes = batch.chunks * small + (tries.failing_chunks + tries.cut_short) * (with_bitmap - small)
    tally.add("dynamodb.write_units", PROCESSOR, "BatchWriteItem", deletes, "deleting chunk records")
    writes = tries.failed_items * write_units(failed_bytes(batch))
    tally.add("dynamodb.write_units", PROCESSOR, "BatchWriteItem", writes, "failed items")
    counts = tries.failing_chunks * write_units(failed_count_bytes(batch.batch_id))
    tally.add("dynamodb.write_units", PROCESSOR, "BatchWriteItem", counts, "how many of a chunk have failed")


def looks(batch: SqsBatch, invocations: Range, messages: float, handed_back: bool) -> Range:
    """Queries of the processors: one for each invocation and shard of which it finished a chunk and left none behind.

    So there is one an invocation at least where nothing is handed back, and one for the last in any case; and never
    more than chunks.
    """
    distinct = batch.shards * (1 - (1 - 1 / batch.shards) ** messages)
    low = 1 if handed_back else invocations.low
    return Range.of(low, invocations.expected * distinct, batch.chunks.high)
