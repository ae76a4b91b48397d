"""Starting a batch: its check message, its record, its segments; a redrive's, and a scheduled one's that is skipped."""

import math
from dataclasses import replace

from handlers.aws.events import SKIPPED, STARTED, Events
from handlers.aws.queues import Queue
from handlers.aws.telemetry import logger
from handlers.core.batch import (
    BatchRequest,
    InvalidRequest,
    Redrive,
    Status,
    is_scheduled,
    iso,
    redrive_in,
    redrive_of,
    refuse_too_many,
)
from handlers.core.clock import Clock
from handlers.sqs.messages import FinalizerMessage, SegmentMessage
from handlers.sqs.records import Batch, BatchKey, loads, segments_for, shards_for
from handlers.sqs.refusal import refuse
from handlers.sqs.segments import Source
from handlers.sqs.table import REDRIVE_WITHIN_SECONDS, BatchTable

STILL_RUNNING = " was still running"


class Starter:
    """The first part of the batcher's protocol; docs/design.md says why each step comes where it does."""

    def __init__(
        self,
        table: BatchTable,
        queue: Queue,
        finalizer_queue: Queue,
        events: Events,
        source: Source,
        check_interval: int,
        chunks_per_segment: int,
        max_items: int,
        skip_overlap: bool,
    ):
        self.table = table
        self.queue = queue
        self.finalizer_queue = finalizer_queue
        self.events = events
        self.source = source
        self.check_interval = check_interval
        self.chunks_per_segment = chunks_per_segment
        self.max_items = max_items
        self.skip_overlap = skip_overlap

    def start(self, asked: object, message_id: str, defaults: dict[str, str], clock: Clock) -> None:
        """Start the batch that a message asks for; repeating it is harmless. A bad request ends it FAILED at once."""
        key = BatchKey.of_request(asked, message_id)
        if redrive_in(asked) is not None:
            self._start_redrive(key, asked, clock)
        elif not (self.skip_overlap and is_scheduled(asked) and self._skip(key, clock)):
            self._announce_check(key)
            try:
                request, extent = self.source.survey(BatchRequest.parse(asked, defaults))
                # Only where the extent is counted in items; of a file it is bytes, or not known.
                expected = extent.items if extent.items == extent.length and not request.input else None
                refuse_too_many(expected or 0, self.max_items)
            except InvalidRequest as refused:
                refuse(self.table, self.finalizer_queue, key, str(refused), clock.now())
                return
            chunks = math.ceil(extent.items / request.items_per_chunk)
            count, length = segments_for(extent.length, chunks, request.items_per_chunk, self.chunks_per_segment)
            batch = opened(key, request, chunks, count, clock.now())
            self._start(replace(batch, segment_length=length, extent=extent.length, expected=expected))

    def _start_redrive(self, key: BatchKey, asked: object, clock: Clock) -> None:
        """Start the next generation, of what failed or was left over; refused, nothing is started and nothing told."""
        try:
            BatchRequest.parse(asked)
            ended = self._redrivable(redrive_of(redrive_in(asked)), clock.now())
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
        what = f"redrive: generation {redrive.generation} of {redrive.batch_id!r}"
        ended = self.table.get_batch(redrive.batch_id, redrive.generation)
        if not ended:
            raise InvalidRequest(f"{what}: there is none")
        if ended.status == Status.OPEN:
            raise InvalidRequest(f"{what} still runs")
        if not (ended.failed or ended.remaining or ended.segments):
            raise InvalidRequest(f"{what} left nothing to run")
        if now > ended.started_at + REDRIVE_WITHIN_SECONDS * 1000:
            raise InvalidRequest(f"{what} is too old, its records are about to expire")
        return ended

    def _skip(self, key: BatchKey, clock: Clock) -> bool:
        """Skip a scheduled batch while the one before it runs; the same event always decides the same."""
        known = self.table.get_batch(key.batch_id)
        if not known:
            before = self.table.scheduled_last()
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
