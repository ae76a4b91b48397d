"""Batcher: starts a batch, and makes its segments: chunk records first, then their messages."""

import functools
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

import boto3

from handlers import settings, source
from handlers.batch import BatchRequest, InvalidRequest, Status, batch_id_or, iso
from handlers.clock import Clock
from handlers.events import STARTED, Events
from handlers.items import Chunk, chunks
from handlers.sqs.messages import FinalizerMessage, SegmentMessage
from handlers.sqs.partial import HandBack, process_records
from handlers.sqs.queues import MAX_BATCH_BYTES, Queue
from handlers.sqs.records import Batch, BatchKey, ChunkKey, Held, Segment, chunk_body, shards_for
from handlers.sqs.refusal import refuse
from handlers.sqs.table import FOREVER, BatchTable
from handlers.telemetry import logger

# Room for the message's other fields below SQS's 1 MiB.
MAX_CHUNK_BYTES = MAX_BATCH_BYTES - 1024
WINDOW_CHUNKS = 250
WINDOW_BYTES = 8 * 1024 * 1024
# Time a window of writes and sends may take; with less left the batcher hands its segment on.
WINDOW_MS = 10_000


class Batcher:
    """The batcher's part of the protocol; docs/design.md says why each step comes where it does."""

    def __init__(
        self,
        table: BatchTable,
        queue: Queue,
        chunk_queue: Queue,
        finalizer_queue: Queue,
        events: Events,
        items: Callable[[BatchRequest, str, int], Iterator[dict]],
        check_interval: int,
    ):
        self.table = table
        self.queue = queue
        self.chunk_queue = chunk_queue
        self.finalizer_queue = finalizer_queue
        self.events = events
        self.items = items
        self.check_interval = check_interval

    def start(self, body: str, message_id: str, defaults: dict[str, str], clock: Clock) -> BatchKey:
        """Start the batch that a message asks for; repeating it is harmless. A bad request ends it FAILED at once."""
        asked = parse_json(body)
        key = BatchKey(batch_id_or(asked, message_id))
        # The timer first: from here on the batch cannot be silent.
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body(), self.check_interval)
        try:
            request = BatchRequest.parse(asked, defaults)
        except InvalidRequest as refused:
            refuse(self.table, self.finalizer_queue, key, str(refused), clock.now())
            return key
        batch = Batch(
            key=key,
            status=Status.OPEN,
            request=request,
            shards=shards_for(None if request.input else math.ceil(request.items / request.items_per_chunk)),
            started_at=clock.now(),
            deadline=clock.now() + request.deadline_seconds * 1000,
            segments=frozenset({0}),
        )
        if not self.table.create_batch(batch):
            batch = self.table.get_batch(key.batch_id, key.generation) or batch
        self.queue.send_all(SegmentMessage(key, number).body() for number in sorted(batch.segments))
        self.events.publish(STARTED, started_detail(batch))
        return key

    def make_segment(self, message: SegmentMessage, clock: Clock) -> None:
        """Make a segment's chunks, from where the last batcher left off. Raises HandBack when there is more to make."""
        batch = self.table.get_batch(message.key.batch_id, message.key.generation)
        if not batch or batch.status != Status.OPEN:
            return
        if message.number not in batch.segments:
            # Whoever made it may have died before it could nudge.
            self.nudge(batch.key, clock.now())
            return
        segment = self.table.claim_segment(batch.key, message.number, clock.now(), clock.lease())
        if isinstance(segment, Held) and segment.lease_until >= FOREVER:
            # The finalizer is ending the batch.
            return
        if isinstance(segment, Held):
            raise HandBack((segment.lease_until - clock.now()) / 1000)
        try:
            made = self._make_windows(batch, segment, clock)
        except InvalidRequest as refused:
            self.table.give_up(batch.key, message.number, str(refused), clock.now())
            self.table.release_segment(batch.key, segment)
            self.nudge(batch.key, None)
            return
        sealed = self.table.finish_segment(batch.key, message.number, made.next_item, made.next_seq)
        if not sealed or sealed.sealed:
            self.nudge(batch.key, clock.now())

    def _make_windows(self, batch: Batch, segment: Segment, clock: Clock) -> Segment:
        request = batch.request
        items = self.items(request, batch.batch_id, segment.window_item)
        stream = chunks(items, request.items_per_chunk, MAX_CHUNK_BYTES, segment.window_seq, segment.window_item)
        # The messages of the last window may not all have gone out. Its records did, and finished ones must not
        # come back to life, so those are never put again.
        again = segment.next_seq - segment.window_seq
        self._send(batch, islice(stream, again))
        for window in windows(stream):
            if not clock.has(WINDOW_MS):
                self.table.release_segment(batch.key, segment)
                raise HandBack(0)
            sizes = {chunk_key(batch, chunk.seq): len(chunk.items) for chunk in window}
            self.table.put_chunks(sizes, clock.now())
            first, last = window[0], window[-1]
            segment = replace(
                segment,
                window_seq=first.seq,
                window_item=first.first_item,
                next_seq=last.seq + 1,
                next_item=last.first_item + len(last.items),
            )
            if not self.table.advance_segment(batch, segment):
                logger.warning("segment lost, or its batch is closed", batch_id=batch.batch_id, segment=segment.number)
                raise HandBack(1)
            self._send(batch, window)
        return segment

    def _send(self, batch: Batch, window: Iterable[Chunk]) -> None:
        self.chunk_queue.send_all(
            chunk_body(chunk_key(batch, chunk.seq), batch.request, batch.deadline, chunk.items) for chunk in window
        )

    def nudge(self, key: BatchKey, drained_at: int | None) -> None:
        """Ask the finalizer to look: the last chunk may have been done before the batch was sealed."""
        self.finalizer_queue.send(FinalizerMessage(key, check=False, drained_at=drained_at).body())


def chunk_key(batch: Batch, seq: int) -> ChunkKey:
    """Chunks go round the shards."""
    return ChunkKey(batch.key, seq % batch.shards, seq)


def windows(stream: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Group chunks into windows that fit the memory, whatever the size of the batch."""
    window: list[Chunk] = []
    size = 0
    for chunk in stream:
        window.append(chunk)
        size += sum(map(len, chunk.items))
        if len(window) == WINDOW_CHUNKS or size > WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


def parse_json(body: str) -> object:
    """The message's body, or the text itself where it is not JSON: as a request it is refused with its reason."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def started_detail(batch: Batch) -> dict:
    """The Batch Started event's detail; `items` is null while an input object has not been read."""
    return {
        **batch.key.to_json(),
        "architecture": "sqs",
        "items": None if batch.request.input else batch.request.items,
        "startedAt": iso(batch.started_at),
        "deadline": iso(batch.deadline),
    }


@functools.cache
def connections() -> Batcher:
    """The batcher of this function's stack; made once an environment."""
    sqs = boto3.client("sqs")
    return Batcher(
        table=BatchTable(boto3.client("dynamodb"), settings.text("TABLE_NAME")),
        queue=Queue(sqs, settings.text("BATCHER_QUEUE_URL")),
        chunk_queue=Queue(sqs, settings.text("CHUNK_QUEUE_URL")),
        finalizer_queue=Queue(sqs, settings.text("FINALIZER_QUEUE_URL")),
        events=Events(boto3.client("events"), settings.text("EVENT_BUS_NAME")),
        items=source.items,
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
    )


def handler(event: dict, context) -> dict:
    """Lambda entry: messages of the batcher's queue, each a batch request or a segment."""
    batcher = connections()
    clock = Clock(context)

    def handle(record) -> None:
        segment = SegmentMessage.find(parse_json(record.body))
        if segment:
            batcher.make_segment(segment, clock)
        else:
            key = batcher.start(record.body, record.message_id, settings.request_defaults(), clock)
            logger.info("batch started", batch_id=key.batch_id)

    return process_records(event, context, batcher.queue, handle)
