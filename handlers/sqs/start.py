"""Starts a batch: its check message, its record and its batchers. Also redrives, skips and refuses one."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from handlers.aws.events import SKIPPED, STARTED, Events
from handlers.aws.functions import Function
from handlers.aws.sqs import Queue
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
from handlers.core.json_text import JsonObject
from handlers.sqs.messages import FinalizerMessage, GivenUp, Lane
from handlers.sqs.records import Batch, BatchKey, lanes, segments_for, shards_for
from handlers.sqs.table import REDRIVE_WITHIN_SECONDS, BatchTable

STILL_RUNNING = " was still running"


@dataclass
class Starter:
    """The first part of the batcher's protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    batcher: Function
    finalizer_queue: Queue
    events: Events
    survey: Callable[[BatchRequest], tuple[BatchRequest, Any]]
    check_interval: int
    chunks_per_segment: int
    max_items: int
    skip_overlap: bool

    def start(self, body: object, key: BatchKey, defaults: dict[str, str], clock: Clock) -> Batch | None:
        """Start the batch of a request and return it; may be repeated. None if there is none to be worked on.

        An invalid request ends its batch FAILED at once.
        """
        if redrive_in(body) is not None:
            return self._start_redrive(key, body, clock)
        if not (self.skip_overlap and is_scheduled(body) and self._skip(key, clock)):
            self._announce_check(key)
            try:
                request, extent = self.survey(BatchRequest.parse(body, defaults))
                expected = extent.expected(request)
                refuse_too_many(expected or 0, self.max_items)
            except InvalidRequest as refused:
                refuse(self.table, self.finalizer_queue, key, str(refused), clock.now())
                return None
            chunks = math.ceil(extent.items / request.items_per_chunk)
            count, length = segments_for(extent.length, chunks, request.items_per_chunk, self.chunks_per_segment)
            batch = opened(key, request, chunks, count, clock.now())
            return self._start(replace(batch, segment_length=length, extent=extent.length, expected=expected))
        return None

    def _start_redrive(self, key: BatchKey, body: object, clock: Clock) -> Batch | None:
        """Start the next generation, of failed and remaining items. A refused redrive is only logged."""
        try:
            BatchRequest.parse(body)
            redrive = redrive_of(redrive_in(body))
            ended = self._redrivable(redrive, clock.now())
        except InvalidRequest as refused:
            logger.error("redrive refused", reason=str(refused))
            return None
        left_over = bool(ended.remaining or ended.segments)
        expected = (ended.failed or 0) + (ended.remaining or 0)
        self._announce_check(key)
        count = 1 + (ended.segment_count if left_over else 0)
        chunks = math.ceil(expected / ended.request.items_per_chunk)
        batch = replace(opened(key, ended.request, chunks, count, clock.now()), only_error=redrive.error)
        # If an input was not read to its end, the number of items left is unknown.
        known = ended.expected is not None or not ended.segments
        return self._start(replace(batch, expected=expected if known else None))

    def _redrivable(self, redrive: Redrive, now: int) -> Batch:
        """The generation to redrive. Raises InvalidRequest if it cannot be redriven."""
        what = f"redrive: generation {redrive.generation} of {redrive.batch_id!r}"
        ended = self.table.get_batch(redrive.batch_id, redrive.generation)
        if not ended:
            raise InvalidRequest(f"{what}: there is none")
        if ended.status == Status.OPEN:
            raise InvalidRequest(f"{what} still runs")
        if not (ended.failed or ended.remaining or ended.segments):
            raise InvalidRequest(f"{what} left nothing to run")
        # A generation's items are found by the records of the one before, and so back to the first.
        first = ended if redrive.generation == 1 else self.table.get_batch(redrive.batch_id)
        if not first or now > first.started_at + REDRIVE_WITHIN_SECONDS * 1000:
            raise InvalidRequest(f"{what} is too old, the records of its batch are about to expire")
        return ended

    def _skip(self, key: BatchKey, clock: Clock) -> bool:
        """Skip a scheduled batch while the one before it runs. The same event always gets the same decision."""
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
        publish_skipped(self.events, known)
        return True

    def _announce_check(self, key: BatchKey) -> None:
        # The timer first: from here on the batch cannot be silent.
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body(), self.check_interval)

    def _start(self, batch: Batch) -> Batch:
        if not self.table.create_batch(batch):
            batch = self.table.get_batch(batch.batch_id, batch.generation) or batch
        # The batcher that starts the batch makes the segments of the first lane itself.
        for number in sorted(lanes(batch.segments).keys() - {Lane(batch.key).number}):
            self.batcher.invoke(Lane(batch.key, number).event())
        self.events.publish(STARTED, started_detail(batch))
        logger.info("batch started", batch_id=batch.batch_id, generation=batch.generation)
        return batch


def opened(key: BatchKey, request: BatchRequest, chunks: int, segment_count: int, now: int) -> Batch:
    """A new batch of about `chunks` chunks, none of which is made."""
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


def refused_batch(key: BatchKey, reason: str, now: int) -> Batch:
    """A batch that ended FAILED before it began."""
    return Batch(
        key=key,
        status=Status.FAILED,
        request=BatchRequest(items=0),
        shards=1,
        started_at=now,
        deadline=now,
        succeeded=0,
        failed=0,
        remaining=0,
        finished_at=now,
        reason=reason,
    )


def refuse(table: BatchTable, finalizer_queue: Queue, key: BatchKey, reason: str, now: int) -> None:
    """End a batch FAILED at once, through the finalizer like any other. A batch that exists already goes on."""
    table.create_batch(refused_batch(key, reason, now))
    finalizer_queue.send(FinalizerMessage(key, check=False).body())


def give_up(table: BatchTable, given_up: GivenUp, now: int) -> FinalizerMessage:
    """End the batch of a request that was given up FAILED; one that exists already goes on. Returns what is to be done.

    That is a check: the message which says that the request was given up is the batch's timer from now on.
    """
    if lane := Lane.find(given_up.event):
        return FinalizerMessage(lane.key, check=False)
    key = BatchKey.of_request(given_up.event, given_up.request_id)
    logger.warning("request given up", batch_id=key.batch_id, generation=key.generation, cause=given_up.cause)
    table.create_batch(refused_batch(key, f"its request was given up: {given_up.cause}", now))
    return FinalizerMessage(key, check=True)


def publish_skipped(events: Events, batch: Batch) -> None:
    """Publish Batch Skipped of a scheduled batch that was skipped. May be repeated."""
    running = (batch.reason or "").removesuffix(STILL_RUNNING)
    detail = {**batch.key.to_json(), "architecture": "sqs", "running": running, "at": iso(batch.started_at)}
    events.publish(SKIPPED, detail)


def started_detail(batch: Batch) -> JsonObject:
    """The detail of the Batch Started event. `items` is null while an input object has not been read."""
    return {
        **batch.key.to_json(),
        "architecture": "sqs",
        "items": batch.expected,
        "startedAt": iso(batch.started_at),
        "deadline": iso(batch.deadline),
    }
