"""What a batch of the SQS architecture uses, step by step as docs/design.md tells the protocol.

Known from the workload alone: chunk, batch and segment records' writes, sends, events, S3 requests. Time decides how
many messages an invocation gets, and which of several looks at a shard or at the batch is the last; the bounds of each
are told where they are made.
"""

import math
from dataclasses import dataclass

from handlers.batch import BatchRequest, InputObject
from handlers.sqs.table import GLIMPSED_SEGMENTS
from rollcall.planning import fixed, log_bytes, units_lambda
from rollcall.planning.settings import Settings, Workload
from rollcall.planning.sizes_dynamodb import (
    batch_record,
    chunk_record_bytes,
    failed_item_bytes,
    number_bytes,
    read_units,
    record_bytes,
    write_units,
)
from rollcall.planning.sizes_items import item_bytes
from rollcall.planning.sizes_messages import STEP_BYTES, steps
from rollcall.planning.timing import Timing
from rollcall.planning.units_attempts import Attempts, attempts
from rollcall.planning.units_chunks import SqsCut, cut_for_sqs
from rollcall.planning.units_logs import failure_lines, finished_lines, platform_lines, processor_lines
from rollcall.planning.units_range import NONE, Range
from rollcall.planning.units_tally import Tally

BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECEIVED = 10
"""Most messages of a ReceiveMessage or DeleteMessageBatch."""
FINALIZERS = 2
"""MaximumConcurrency of the finalizer's event source."""
EVENT_BYTES = 6_000_000
"""Most bytes of an invocation's event: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
GLIMPSED_RECORDS = 100
# As the example's work fails; its length decides nothing unless an item is nearly a kilobyte.
ERROR = "ValueError: this item was made to fail (failRate)"
# What a finished batch's record has beside the counts that stand in it from the start.
FINISHED = {
    **{name: {"N": "1000000"} for name in ("succeeded", "failed", "remaining")},
    **{name: {"N": "1795000000123"} for name in ("finishedAt", "announceUntil", "drainedAt", "progressAt")},
    "progress": {"S": "0" * 32},
    "notified": {"BOOL": True},
}


@dataclass(frozen=True)
class SqsBatch:
    """What is known of a batch before it runs: its cut with the least, the expected and the largest items."""

    workload: Workload
    settings: Settings
    batch_id: str
    cuts: tuple[SqsCut, SqsCut, SqsCut]
    attempts: Attempts

    @property
    def chunks(self) -> Range:
        return Range.over(self.cuts, lambda cut: cut.chunks)

    @property
    def segments(self) -> int:
        return self.cuts[1].segments

    @property
    def shards(self) -> int:
        return self.cuts[1].shards

    @property
    def from_file(self) -> bool:
        return self.workload.item_bytes is not None

    def record(self) -> dict:
        """The batch record."""
        place = InputObject("rollcall-input-000000000000", "input/items.jsonl", '"' + "0" * 32 + '"')
        request = BatchRequest(
            batch_id=self.batch_id,
            items=self.workload.items,
            input=place if self.from_file else None,
            items_per_chunk=self.settings.items_per_chunk,
            fail_rate=self.workload.fail_rate,
            item_concurrency=self.settings.item_concurrency,
            max_attempts=self.settings.max_attempts,
            deadline_seconds=self.settings.deadline_seconds,
        )
        cut = self.cuts[1]
        return batch_record(self.batch_id, request, cut.segments, cut.shards, cut.extent, cut.segment_length)


def sqs_batch(workload: Workload, settings: Settings, batch_id: str, timing: Timing | None) -> SqsBatch:
    """Cut the batch, and see how often its chunks are worked on."""
    size = item_bytes(workload)
    cases = ((size.low, False), (size.expected, True), (size.high, True))
    low, expected, high = (cut_for_sqs(workload, settings, batch_id, each, most) for each, most in cases)
    cuts = (low, expected, high)
    chunks = Range.over(cuts, lambda cut: cut.chunks)
    return SqsBatch(
        workload, settings, batch_id, cuts, attempts(workload, settings, chunks, settings.batch_size, timing)
    )


@dataclass(frozen=True)
class Invocations:
    """How often each function is invoked."""

    batcher: Range
    processor: Range
    finalizer: Range


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
    tally.add("sqs.requests", BATCHER, "ReceiveMessage", invocations, "receiving the request and the segments")
    tally.add("sqs.requests", BATCHER, "DeleteMessageBatch", 1 + segments, "deleting the request and the segments")
    tally.add("sqs.requests", BATCHER, "ChangeMessageVisibility", handed, "segments handed on for want of time")
    tally.add("sqs.requests", BATCHER, "SendMessage", 2, "the check message, and the nudge of whoever seals")
    sends = Range.over(batch.cuts, lambda cut: cut.send_steps) + handed * max(cut.window_steps for cut in batch.cuts)
    tally.add(
        "sqs.requests", BATCHER, "SendMessageBatch", sends + math.ceil(segments / RECEIVED), "the chunks, the segments"
    )
    record = batch.record()
    sealing, created = sealing_writes(record, segments), write_units(record_bytes(record))
    tally.add("dynamodb.write_units", BATCHER, "PutItem", created + 1, "the batch record, and its line in the list")
    tally.add("dynamodb.write_units", BATCHER, "BatchWriteItem", batch.chunks, "chunk records")
    tally.add(
        "dynamodb.write_units",
        BATCHER,
        "UpdateItem",
        windows + segments + sealing + handed * 2,
        "claims and cursors of segments, and counting them as made",
    )
    looks = (windows + segments + handed) * read_units(record_bytes(record))
    tally.add("dynamodb.read_units", BATCHER, "GetItem", looks, "the batch record before each window")
    if batch.from_file:
        tally.add("s3.gets", BATCHER, "HeadObject", 1, "pinning the input")
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
    sealed_reads = seen_empty * read_units(record_bytes(batch.record()))
    tally.add("dynamodb.read_units", PROCESSOR, "GetItem", sealed_reads, "whether the batch is sealed")
    # Once it is sealed and a shard is empty, whoever touched it and looks last nudges: those that run at that time.
    at_once = settings.pollers * 10 if settings.pollers else settings.max_concurrency
    nudges = Range.of(0, used, min(queries.high, batch.shards * at_once))
    tally.add("sqs.requests", PROCESSOR, "SendMessage", nudges, "nudges")
    return invocations, nudges


def records(tally: Tally, batch: SqsBatch) -> None:
    """The chunk records' writes: claims, what is kept of a partial attempt, failed items, deletes."""
    tries = batch.attempts
    small = write_units(chunk_record_bytes(batch.batch_id))
    with_bitmap = write_units(chunk_record_bytes(batch.batch_id, batch.settings.items_per_chunk))
    again = tries.retries + tries.cut_short
    updates = batch.chunks * small + again * (2 * with_bitmap) + tries.failing_chunks * with_bitmap
    tally.add("dynamodb.write_units", PROCESSOR, "UpdateItem", updates, "claims, and what is kept of partial attempts")
    spaces = 0 if batch.from_file else 5
    failed = failed_item_bytes(batch.batch_id, math.ceil(item_bytes(batch.workload).high) + spaces, ERROR)
    deletes = batch.chunks * small + (tries.failing_chunks + tries.cut_short) * (with_bitmap - small)
    writes = deletes + tries.failed_items * write_units(failed)
    tally.add("dynamodb.write_units", PROCESSOR, "BatchWriteItem", writes, "deleting chunk records, failed items")


def looks(batch: SqsBatch, invocations: Range, messages: float, handed_back: bool) -> Range:
    """Queries of the processors: one for each invocation and shard of which it finished a chunk and left none behind.

    So there is one an invocation at least where nothing is handed back, and one for the last in any case; and never
    more than chunks.
    """
    distinct = batch.shards * (1 - (1 - 1 / batch.shards) ** messages)
    low = 1 if handed_back else invocations.low
    return Range.of(low, invocations.expected * distinct, batch.chunks.high)


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
    record = record_bytes(batch.record() | FINISHED)
    unsealed = Range.of(0, 0, early.high * min(GLIMPSED_SEGMENTS, batch.segments))
    reads = seen * read_units(record) + unsealed
    tally.add("dynamodb.read_units", FINALIZER, "GetItem", reads, "the batch record, and cursors of open segments")
    tally.add("dynamodb.read_units", FINALIZER, "Query", shard_reads(batch, early), "shards, and failed items")
    ended = record_bytes({name: value for name, value in (batch.record() | FINISHED).items() if name != "segments"})
    open_units = write_units(record)
    updates = early.map(lambda count: max(0.0, count)) * open_units + 2 * write_units(ended)
    tally.add("dynamodb.write_units", FINALIZER, "UpdateItem", updates, "progress seen, the ending, the announcement")
    lost = Range.of(0, 0, FINALIZERS - 1) * write_units(ended)
    tally.add("dynamodb.write_units", FINALIZER, "UpdateItem:failed-condition", lost, "endings that another had set")
    tally.add("events.published", FINALIZER, "PutEvents", 1, "Batch Finished")
    return invocations


def shard_reads(batch: SqsBatch, early: Range) -> Range:
    """Read units of the finalizer's queries.

    The look that ends the batch finds every shard empty and reads the failed items of each, to count them. Before that
    a look reads, once the batch is sealed, shards up to the first that is not empty, and always the first hundred
    records of each, eventually consistent: half a unit for 4 KB.
    """
    shards = batch.shards
    error = failed_item_bytes(batch.batch_id, math.ceil(item_bytes(batch.workload).high), ERROR)
    counting = (batch.attempts.failed_items * (error / shards)).map(read_units) * shards
    record = chunk_record_bytes(
        batch.batch_id, batch.settings.items_per_chunk if batch.attempts.failing_chunks.high else 0
    )
    full = 0.5 * read_units(min(GLIMPSED_RECORDS, batch.chunks.high / shards) * record)
    a_look = Range(shards * 0.5, 1 + shards * (0.5 + full) / 2, shards * (1 + full))
    lost = Range.of(0, 0, FINALIZERS - 1) * (counting + shards)
    return counting + shards + early * a_look + lost


def logs(tally: Tally, batch: SqsBatch, invoked: Invocations, timing: Timing | None) -> None:
    """The lines that Lambda and the functions write."""
    settings, tries = batch.settings, batch.attempts
    cold = timing.cold_starts if timing else 0
    platform_lines(tally, BATCHER, fixed.ORCHESTRATION_MEMORY, settings.function_timeout, invoked.batcher, min(cold, 1))
    platform_lines(
        tally, PROCESSOR, settings.processor_memory, settings.function_timeout, invoked.processor, max(0, cold - 2)
    )
    platform_lines(
        tally, FINALIZER, fixed.ORCHESTRATION_MEMORY, settings.function_timeout, invoked.finalizer, min(cold, 1)
    )
    items, chunks = batch.workload.items, batch.chunks
    tally.add("logs.bytes", BATCHER, "function", log_bytes.started_bytes(batch.batch_id), "Batch Started, logged")
    taken = settings.batch_size * settings.items_per_chunk
    metrics = processor_lines("sqs", invoked.processor, tries, items, taken, settings, timing)
    failures = failure_lines("sqs", batch.batch_id, tries, chunks, settings.items_per_chunk)
    tally.add("logs.bytes", PROCESSOR, "function", metrics + failures, "metrics of the processor, failures")
    finished = finished_lines("sqs", batch.batch_id, tries, items, chunks, settings.deadline_seconds, timing)
    tally.add("logs.bytes", FINALIZER, "function", finished, "Batch Finished, logged, and its metric")


def add(tally: Tally, batch: SqsBatch, timing: Timing | None) -> None:
    """All of a batch."""
    batchers = batcher(tally, batch, timing)
    processors, nudges = processor(tally, batch, timing)
    finalizers = finalizer(tally, batch, nudges, timing)
    logs(tally, batch, Invocations(batchers, processors, finalizers), timing)
    if timing:
        units_lambda.batcher(tally, batch.settings, timing, batchers, batch.settings.function_timeout)
        units_lambda.processor(tally, batch.settings, timing, processors)
        units_lambda.finalizer(tally, batch.settings, timing, finalizers)
        units_lambda.pollers(tally, batch.settings, timing)
