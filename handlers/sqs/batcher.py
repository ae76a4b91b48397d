"""Batcher: starts a batch, and makes its segments: chunk records first, then their messages."""

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import boto3

from handlers import settings, source
from handlers.batch import (
    BatchRequest,
    InvalidRequest,
    Redrive,
    Status,
    is_scheduled,
    iso,
)
from handlers.clock import Clock
from handlers.events import SKIPPED, STARTED, Events
from handlers.items import Chunk
from handlers.sqs.messages import FinalizerMessage, SegmentMessage
from handlers.sqs.partial import HandBack, process_records
from handlers.sqs.queues import Queue
from handlers.sqs.records import (
    Batch,
    BatchKey,
    ChunkKey,
    Held,
    Segment,
    chunk_body,
    loads,
    segments_for,
    shards_for,
)
from handlers.sqs.refusal import refuse
from handlers.sqs.segments import SegmentItems, Source
from handlers.sqs.table import FOREVER, REDRIVE_WITHIN_SECONDS, BatchTable
from handlers.telemetry import logger

WINDOW_CHUNKS = 250
WINDOW_BYTES = 8 * 1024 * 1024
# Time a window of writes and sends may take; with less left the batcher hands its segment on.
WINDOW_MS = 10_000
STILL_RUNNING = " was still running"


class Batcher:
    """The batcher's part of the protocol; docs/design.md says why each step comes where it does."""

    def __init__(
        self,
        table: BatchTable,
        queue: Queue,
        chunk_queue: Queue,
        finalizer_queue: Queue,
        events: Events,
        source: Source,
        check_interval: int,
        chunks_per_segment: int,
        skip_overlap: bool,
    ):
        self.table = table
        self.queue = queue
        self.chunk_queue = chunk_queue
        self.finalizer_queue = finalizer_queue
        self.events = events
        self.source = source
        self.segment_items = SegmentItems(table, source.items)
        self.check_interval = check_interval
        self.chunks_per_segment = chunks_per_segment
        self.skip_overlap = skip_overlap

    def start(self, body: str, message_id: str, defaults: dict[str, str], clock: Clock) -> None:
        """Start the batch that a message asks for; repeating it is harmless. A bad request ends it FAILED at once."""
        asked = parse_json(body)
        key = BatchKey.of_request(asked, message_id)
        if isinstance(asked, dict) and "redrive" in asked:
            self._start_redrive(key, asked, clock)
        elif not (self.skip_overlap and is_scheduled(asked) and self._skip(key, clock)):
            self._announce_check(key)
            try:
                request, extent = self.source.survey(BatchRequest.parse(asked, defaults))
            except InvalidRequest as refused:
                refuse(self.table, self.finalizer_queue, key, str(refused), clock.now())
                return
            chunks = math.ceil(extent.items / request.items_per_chunk)
            count, length = segments_for(extent.length, chunks, request.items_per_chunk, self.chunks_per_segment)
            batch = opened(key, request, chunks, count, clock.now())
            # Only where the extent is counted in items; of a file it is bytes, or not known.
            expected = extent.items if extent.items == extent.length and not request.input else None
            self._start(replace(batch, segment_length=length, extent=extent.length, expected=expected))

    def _start_redrive(self, key: BatchKey, asked: dict, clock: Clock) -> None:
        """Start the next generation, of what failed or was left over; refused, nothing is started and nothing told."""
        try:
            redrive = BatchRequest.parse(asked).redrive
            assert redrive
            ended = self._redrivable(redrive, clock.now())
        except InvalidRequest as refused:
            logger.error("redrive refused", reason=str(refused))
            return
        left_over = bool(ended.remaining or ended.segments)
        expected = (ended.failed or 0) + (ended.remaining or 0)
        self._announce_check(key)
        count = 1 + (ended.segment_count if left_over else 0)
        chunks = math.ceil(expected / ended.request.items_per_chunk)
        batch = opened(key, ended.request, chunks, count, clock.now())
        # Of an input that was not read to its end nobody knows how much is left.
        known = ended.expected is not None or not ended.segments
        self._start(replace(batch, expected=expected if known else None))

    def _redrivable(self, redrive: Redrive, now: int) -> Batch:
        ended = self.table.get_batch(redrive.batch_id, redrive.generation)
        if not ended:
            raise InvalidRequest(f"redrive: there is no generation {redrive.generation} of {redrive.batch_id!r}")
        if ended.status in (Status.OPEN, Status.SKIPPED):
            raise InvalidRequest(f"redrive: generation {redrive.generation} of {redrive.batch_id!r} is {ended.status}")
        if now > ended.started_at + REDRIVE_WITHIN_SECONDS * 1000:
            raise InvalidRequest(f"redrive: {redrive.batch_id!r} is too old, its records are about to expire")
        return ended

    def _skip(self, key: BatchKey, clock: Clock) -> bool:
        """Skip a scheduled batch while the one before it runs; the same event always decides the same."""
        known = self.table.get_batch(key.batch_id)
        before = self.table.scheduled_last()
        if not known:
            running = self.table.get_batch(before) if before and before != key.batch_id else None
            if not running or running.status != Status.OPEN:
                self.table.record_scheduled(key.batch_id)
                return False
            skipped = opened(key, BatchRequest(items=0), 0, 0, clock.now())
            reason = f"{before}{STILL_RUNNING}"
            known = replace(skipped, status=Status.SKIPPED, finished_at=clock.now(), notified=True, reason=reason)
            self.table.create_batch(known)
        if known.status != Status.SKIPPED:
            return False
        detail = {
            **key.to_json(),
            "architecture": "sqs",
            "running": (known.reason or "").removesuffix(STILL_RUNNING),
            "at": iso(known.started_at),
        }
        self.events.publish(SKIPPED, detail)
        return True

    def _announce_check(self, key: BatchKey) -> None:
        # The timer first: from here on the batch cannot be silent.
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body(), self.check_interval)

    def _start(self, batch: Batch) -> None:
        if not self.table.create_batch(batch):
            batch = self.table.get_batch(batch.batch_id, batch.generation) or batch
        self.queue.send_all(SegmentMessage(batch.key, number).body() for number in sorted(batch.segments))
        self.events.publish(STARTED, started_detail(batch))
        logger.info("batch started", batch_id=batch.batch_id, generation=batch.generation)

    def make_segment(self, message: SegmentMessage, clock: Clock) -> None:
        """Make a segment's chunks, from where the last batcher left off. Raises HandBack when there is more to make."""
        batch = self.table.get_batch(message.key.batch_id, message.key.generation)
        if not batch or batch.status != Status.OPEN or clock.now() >= batch.deadline:
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
            made = None
        if not made:
            # The batch ends early: the finalizer need not wait for this lease.
            self.table.release_segment(batch.key, segment)
            self.nudge(batch.key, None)
            return
        sealed = self.table.finish_segment(batch.key, message.number, made.next_item, made.next_chunk)
        if not sealed or sealed.sealed:
            self.nudge(batch.key, clock.now())

    def _make_windows(self, batch: Batch, segment: Segment, clock: Clock) -> Segment | None:
        """Make the rest of a segment; None when its batch is past its deadline, or cancelled, meanwhile."""
        stream = self.segment_items.chunks(batch, segment)
        # The messages of the last window may not all have gone out. Its records did, and finished ones must not
        # come back to life, so those are never put again.
        self._send(batch, islice(stream, segment.next_chunk - segment.window_chunk))
        for window in windows(stream):
            if not clock.has(WINDOW_MS):
                self.table.release_segment(batch.key, segment)
                raise HandBack(0)
            now = self.table.get_batch(batch.batch_id, batch.generation)
            if not now or now.status != Status.OPEN or clock.now() >= now.deadline:
                return None
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
        return loads(body)
    except ValueError:
        return body


def opened(key: BatchKey, request: BatchRequest, chunks: int, segment_count: int, now: int) -> Batch:
    """A batch of about so many chunks, none of them made."""
    return Batch(
        key=key,
        status=Status.OPEN,
        request=request,
        shards=shards_for(chunks),
        started_at=now,
        deadline=now + request.deadline_seconds * 1000,
        segments=frozenset(range(segment_count)),
        segment_count=segment_count,
    )


def started_detail(batch: Batch) -> dict:
    """The Batch Started event's detail; `items` is null while an input object has not been read."""
    return {
        **batch.key.to_json(),
        "architecture": "sqs",
        "items": batch.expected,
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
        source=source,
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
        chunks_per_segment=settings.whole("CHUNKS_PER_SEGMENT"),
        skip_overlap=settings.text("OVERLAP") == "skip",
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
            batcher.start(record.body, record.message_id, settings.request_defaults(), clock)

    return process_records(event, context, batcher.queue, handle)
