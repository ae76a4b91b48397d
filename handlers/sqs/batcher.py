"""Batcher: starts batches and makes their segments, the chunk records of a window before its messages."""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from handlers import sources
from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.errors import CheckAgain, is_mistake
from handlers.aws.events import Events
from handlers.aws.functions import Function
from handlers.aws.sqs import Queue
from handlers.aws.telemetry import logger
from handlers.core.batch import InvalidRequest, Status, refuse_too_many
from handlers.core.clock import Clock, LambdaContext
from handlers.core.items import Chunk
from handlers.core.json_text import utf8_bytes
from handlers.sqs.messages import FinalizerMessage, Lane, chunk_body
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import Batch, BatchKey, ChunkKey, LeaseHeld, Segment, lanes
from handlers.sqs.segments import SegmentItems
from handlers.sqs.start import Starter
from handlers.sqs.table import BatchTable

WINDOW_CHUNKS = 250
WINDOW_BYTES = 8 * 1024 * 1024
# The writes and sends of a window may take this long. With less left the batcher leaves its segment to the next one.
WINDOW_MS = 10_000
# Lambda stops a chain in which a function has been invoked 16 times. Beyond so many rounds the next check, from which
# another chain begins, has a batcher go on: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
ROUNDS = 12
# As often Lambda tries an asynchronous invocation.
INVOCATION_TRIES = 3


class OutOfTime(CheckAgain):
    """Another invocation is to go on with the lane."""


@dataclass
class Batcher:
    """The batcher's part of the protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    batcher: Function
    chunk_queue: Queue
    finalizer_queue: Queue
    segment_items: SegmentItems
    max_items: int

    def make_lane(self, lane: Lane, batch: Batch | None, clock: Clock) -> None:
        """Make the batch's segments of a lane, one after another; if time runs out, have another batcher go on."""
        mistakes = Mistakes(self.table, self.finalizer_queue)
        try:
            while batch and batch.status == Status.OPEN and clock.now() < batch.deadline:
                number, made = lanes(batch.segments).get(lane.number), None
                if number is None:
                    return
                with mistakes.end_the_batch(batch.key, f"segment {number}", clock):
                    made = self._make_segment(batch, number, clock)
                batch = made
        except OutOfTime:
            if lane.rounds < ROUNDS:
                self.batcher.invoke(replace(lane, rounds=lane.rounds + 1).event())

    def _make_segment(self, batch: Batch, number: int, clock: Clock) -> Batch | None:
        """Make a segment's chunks from its cursor on. Returns the batch without it; None if the lane is not ours.

        Raises OutOfTime.
        """
        segment = self.table.claim_segment(batch.key, number, clock.now(), clock.deadline)
        if isinstance(segment, LeaseHeld):
            # Another batcher makes this lane, or the finalizer is ending the batch.
            return None
        without = None
        try:
            made, broken = self._make_windows(batch, segment, clock)
            if made:
                without = self.table.finish_segment(
                    batch.key, number, made.next_item, made.next_chunk, self.max_items, broken
                )
        except InvalidRequest as refused:
            self.table.abandon_segment(batch.key, number, str(refused), clock.now())
            made = None
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            # The next batcher need not wait for this lease. After a service's error it must: a call whose answer was
            # lost may still be on its way, and put a record again that was deleted since.
            if isinstance(error, OutOfTime) or is_mistake(error):
                self.table.release_segment(batch.key, segment)
            raise
        if not made:
            # The batch ends early, and the finalizer need not wait for this lease.
            self.table.release_segment(batch.key, segment)
            self.nudge(batch.key, None)
            return None
        if not without or without.sealed:
            self.nudge(batch.key, clock.now())
        return without

    def _make_windows(self, batch: Batch, segment: Segment, clock: Clock) -> tuple[Segment | None, str | None]:
        """Make the rest of a segment. Returns its cursor, and the reason if the input cannot be read to its end.

        The cursor is None if the batch has ended, or has reached its deadline, meanwhile. Raises OutOfTime.
        """
        stream, items = self.segment_items.chunks(batch, segment)
        elsewhere = self._made_elsewhere(batch, segment)
        # Not all messages of the last window may have been sent. Its records are written, and are never put again:
        # those that were deleted since would come back to life.
        self._send(batch, islice(stream, segment.next_chunk - segment.window_chunk))
        for window in windows(stream):
            if not clock.has(WINDOW_MS):
                raise OutOfTime
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
                return None, None
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
def connections() -> tuple[Starter, Batcher]:
    """The function's starter and batcher; made once per environment."""
    sqs = client("sqs")
    table = BatchTable(client("dynamodb"), settings.text("TABLE_NAME"))
    itself = Function(settings.text("AWS_LAMBDA_FUNCTION_NAME"))
    finalizer_queue = Queue(sqs, settings.text("FINALIZER_QUEUE_URL"))
    max_items = settings.whole("MAX_ITEMS")
    starter = Starter(
        table=table,
        batcher=itself,
        finalizer_queue=finalizer_queue,
        events=Events(client("events"), settings.text("EVENT_BUS_NAME")),
        survey=sources.survey,
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
        chunks_per_segment=settings.whole("CHUNKS_PER_SEGMENT"),
        max_items=max_items,
        skip_overlap=settings.text("OVERLAP") == "skip",
    )
    chunk_queue = Queue(sqs, settings.text("CHUNK_QUEUE_URL"))
    batcher = Batcher(table, itself, chunk_queue, finalizer_queue, SegmentItems(table, sources.items), max_items)
    return starter, batcher


def handler(event: Any, context: LambdaContext) -> None:
    """Lambda entry, asynchronous: a batch request, a scheduled event, or a lane of a batch's segments.

    An error before the batch has its record has Lambda try again. From then on the batch's checks do.
    """
    if isinstance(event, dict) and "Records" in event:
        # While a stack is updated from a version whose batcher had a queue. Checks have the queue's segments made.
        raise RuntimeError("a message of a queue, which this function does not take")
    starter, batcher = connections()
    clock, batch, lane = Clock(context), None, Lane.find(event)
    if lane:
        batch = batcher.table.get_batch(lane.key.batch_id, lane.key.generation)
    else:
        lane = Lane(BatchKey.of_request(event, context.aws_request_id))
        mistakes = Mistakes(batcher.table, batcher.finalizer_queue)
        with mistakes.end_the_batch(lane.key, "request", clock, INVOCATION_TRIES):
            batch = starter.start(event, lane.key, settings.request_defaults(), clock)
    try:
        batcher.make_lane(lane, batch, clock)
    except Exception:  # noqa: BLE001 - Lambda would begin with the request again
        logger.exception("segment failed, a check has it made", batch_id=lane.key.batch_id, lane=lane.number)
