"""Batcher: starts batches and makes their segments, the chunk records of a window before its messages."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers import sources
from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.events import Events
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.telemetry import logger
from handlers.core.batch import InvalidRequest, Status, refuse_too_many
from handlers.core.clock import Clock, LambdaContext
from handlers.core.items import Chunk
from handlers.core.json_text import utf8_bytes
from handlers.sqs.messages import FinalizerMessage, SegmentMessage, chunk_body
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import Batch, BatchKey, ChunkKey, LeaseHeld, Segment
from handlers.sqs.segments import SegmentItems
from handlers.sqs.start import Starter, parse_json
from handlers.sqs.table import FOREVER, BatchTable

WINDOW_CHUNKS = 250
WINDOW_BYTES = 8 * 1024 * 1024
# The writes and sends of a window may take this long. With less left the batcher leaves its segment to the next one.
WINDOW_MS = 10_000


@dataclass
class Batcher:
    """The batcher's part of the protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    chunk_queue: Queue
    finalizer_queue: Queue
    segment_items: SegmentItems
    max_items: int

    def make_segment(self, message: SegmentMessage, clock: Clock) -> None:
        """Make a segment's chunks from its cursor on. Raises ReturnMessage while there are more to make."""
        batch = self.table.get_batch(message.key.batch_id, message.key.generation)
        if not batch or batch.status != Status.OPEN or clock.now() >= batch.deadline:
            return
        if message.number not in batch.segments:
            # The batcher that made it may have died before it could nudge.
            self.nudge(batch.key, clock.now())
            return
        segment = self.table.claim_segment(batch.key, message.number, clock.now(), clock.deadline)
        if isinstance(segment, LeaseHeld) and segment.lease_until >= FOREVER:
            # The finalizer is ending the batch.
            return
        if isinstance(segment, LeaseHeld):
            raise ReturnMessage((segment.lease_until - clock.now()) / 1000 + 1)
        try:
            made, broken = self._make_windows(batch, segment, clock)
            sealed = made and self.table.finish_segment(
                batch.key, segment.number, made.next_item, made.next_chunk, self.max_items, broken
            )
        except InvalidRequest as refused:
            self.table.abandon_segment(batch.key, message.number, str(refused), clock.now())
            made = None
        if not made:
            # The batch ends early, and the finalizer need not wait for this lease.
            self.table.release_segment(batch.key, segment)
            self.nudge(batch.key, None)
            return
        if not sealed or sealed.sealed:
            self.nudge(batch.key, clock.now())

    def _make_windows(self, batch: Batch, segment: Segment, clock: Clock) -> tuple[Segment | None, str | None]:
        """Make the rest of a segment. Returns its cursor, and the reason if the input cannot be read to its end.

        The cursor is None if the batch has ended, or has reached its deadline, meanwhile.
        """
        stream, items = self.segment_items.chunks(batch, segment)
        elsewhere = self._made_elsewhere(batch, segment)
        # Not all messages of the last window may have been sent. Its records are written, and are never put again:
        # those that were deleted since would come back to life.
        self._send(batch, islice(stream, segment.next_chunk - segment.window_chunk))
        for window in windows(stream):
            if not clock.has(WINDOW_MS):
                self.table.release_segment(batch.key, segment)
                raise ReturnMessage(0)
            now = self.table.get_batch(batch.batch_id, batch.generation)
            if not now or now.status != Status.OPEN or clock.now() >= now.deadline:
                return None, None
            refuse_too_many(elsewhere + window[-1].first_item + len(window[-1].items), self.max_items)
            sizes = {chunk_key(batch, chunk.seq): len(chunk.items) for chunk in window}
            self.table.put_chunks(sizes, clock.now())
            first, last = window[0], window[-1]
            segment = replace(
                segment,
                window_chunk=first.seq - segment.first_seq,
                window_item=first.first_item,
                next_chunk=last.seq - segment.first_seq + 1,
                next_item=last.first_item + len(last.items),
            )
            if not self.table.advance_segment(batch.key, segment):
                logger.warning("segment lost", batch_id=batch.batch_id, segment=segment.number)
                raise ReturnMessage(1)
            self._send(batch, window)
        return segment, items.reason

    def _made_elsewhere(self, batch: Batch, segment: Segment) -> int:
        """The number of items in the batch's other segments so far; 0 if the batch cannot exceed MaxItems."""
        if batch.segment_count == 1 or (batch.expected is not None and batch.expected <= self.max_items):
            return 0
        return self.table.count_made(batch.key) - segment.next_item

    def _send(self, batch: Batch, window: Iterable[Chunk]) -> None:
        self.chunk_queue.send_all(
            chunk_body(chunk_key(batch, chunk.seq), batch.request, batch.deadline, chunk.items) for chunk in window
        )

    def nudge(self, key: BatchKey, drained_at: int | None) -> None:
        """Ask the finalizer to check: the last chunk may have been finished before the batch was sealed."""
        self.finalizer_queue.send(FinalizerMessage(key, check=False, drained_at=drained_at).body())


def chunk_key(batch: Batch, seq: int) -> ChunkKey:
    """The key of a chunk. Chunks take turns in the shards."""
    return ChunkKey(batch.key, seq % batch.shards, seq)


def windows(stream: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Group chunks into windows that fit into memory, whatever the size of the batch."""
    window: list[Chunk] = []
    size = 0
    for chunk in stream:
        window.append(chunk)
        size += sum(map(utf8_bytes, chunk.items))
        if len(window) == WINDOW_CHUNKS or size > WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


@functools.cache
def connections() -> tuple[Starter, Batcher, Queue]:
    """The function's starter, batcher and queue; made once per environment."""
    sqs = client("sqs")
    table = BatchTable(client("dynamodb"), settings.text("TABLE_NAME"))
    queue = Queue(sqs, settings.text("BATCHER_QUEUE_URL"))
    finalizer_queue = Queue(sqs, settings.text("FINALIZER_QUEUE_URL"))
    max_items = settings.whole("MAX_ITEMS")
    starter = Starter(
        table=table,
        queue=queue,
        finalizer_queue=finalizer_queue,
        events=Events(client("events"), settings.text("EVENT_BUS_NAME")),
        survey=sources.survey,
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
        chunks_per_segment=settings.whole("CHUNKS_PER_SEGMENT"),
        max_items=max_items,
        skip_overlap=settings.text("OVERLAP") == "skip",
    )
    chunk_queue = Queue(sqs, settings.text("CHUNK_QUEUE_URL"))
    batcher = Batcher(table, chunk_queue, finalizer_queue, SegmentItems(table, sources.items), max_items)
    return starter, batcher, queue


def handler(event: SqsEvent, context: LambdaContext) -> SqsResponse:
    """Lambda entry: messages of the batcher's queue, each a batch request or a segment."""
    starter, batcher, queue = connections()
    clock = Clock(context)
    mistakes = Mistakes(batcher.table, batcher.finalizer_queue)

    def handle(record: SQSRecord) -> None:
        body = parse_json(record.body)
        if segment := SegmentMessage.find(body):
            with mistakes.end_the_batch(segment.key, f"segment {segment.number}", clock):
                batcher.make_segment(segment, clock)
        else:
            with mistakes.end_the_batch(BatchKey.of_request(body, record.message_id), "request", clock):
                starter.start(body, record.message_id, settings.request_defaults(), clock)

    return process_records(event, queue, handle)
