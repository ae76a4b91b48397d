"""Finalizer: decides, once, that a batch is over, and publishes Batch Finished."""

import functools
from dataclasses import replace

import boto3

from handlers import settings
from handlers.batch import Ending, Status, final_status, iso
from handlers.clock import Clock
from handlers.events import FINISHED, STALLED, Events
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.partial import HandBack, process_records
from handlers.sqs.queues import Queue
from handlers.sqs.records import Batch, BatchKey, Held, Remainder, Segment
from handlers.sqs.table import FOREVER, BatchTable
from handlers.telemetry import log_finished, logger

# A check message is sent before its batch record is put; a batch that has not appeared by now never will.
APPEARS_WITHIN_MS = 15 * 60 * 1000
# With less than this left an early end is broken off; the next look goes on where this one was.
STOP_MS = 5_000


class NoSuchBatch(Exception):
    """There is no record of the batch: it is about to be put, or its batcher never got that far."""


class Finalizer:
    """The finalizer's part of the protocol; docs/design.md says why each step comes where it does."""

    def __init__(self, table: BatchTable, events: Events, check_interval: float, stall_after: float):
        self.table = table
        self.events = events
        self.check_interval = check_interval
        self.stall_after = stall_after

    def look(self, key: BatchKey, drained_at: int | None, clock: Clock) -> float | None:
        """Do what the batch needs now; returns in how many seconds to look again, None when it is announced.

        Raises NoSuchBatch.
        """
        # The record first, the shards after it: were it the other way round, a batch could be sealed in between.
        batch = self.table.get_batch(key.batch_id, key.generation)
        if not batch:
            raise NoSuchBatch(key)
        if batch.status != Status.OPEN:
            return self._announce_again(batch, clock)
        now = clock.now()
        if batch.sealed and self._is_drained(batch):
            failed = self.table.count_failed(key)
            status = final_status(batch.items, failed, batch.request.tolerated_failure_percentage)
            return self._finish(batch, status, failed, 0, drained_at, clock)
        if now >= batch.deadline:
            return self._expire(batch, clock)
        self._watch_progress(batch, now)
        return min(self.check_interval, (batch.deadline - now) / 1000 + 1)

    def _is_drained(self, batch: Batch) -> bool:
        return all(self.table.is_shard_empty(batch.key, shard) for shard in range(batch.shards))

    def _expire(self, batch: Batch, clock: Clock) -> float | None:
        """End a batch early with what is left of it, once nobody works on it any more."""
        now = clock.now()
        made = Segment(0, FOREVER, next_seq=batch.chunks, next_item=batch.items)
        if not batch.sealed:
            # First no more chunks: a batcher that is still at it must not add some to what is counted here.
            fenced = self.table.fence_segment(batch.key, 0, now)
            if isinstance(fenced, Held):
                return (fenced.lease_until - now) / 1000 + 1
            made = fenced
        lease_until = 0
        for found in self.table.drop_chunks(batch, now):
            if not clock.has(STOP_MS):
                return 0
            if isinstance(found, Held):
                lease_until = max(lease_until, found.lease_until)
        if lease_until:
            return (lease_until - now) / 1000 + 1
        # Nobody works on the batch any more: what has failed and what is left stand still, and can be counted.
        failed = self.table.failed_indexes(batch.key)
        remaining = 0
        for found in self.table.drop_chunks(batch, now):
            # A record beyond the cursor was put by a batcher that died before its messages: it is not made.
            if isinstance(found, Remainder) and found.seq < made.next_seq:
                remaining += sum((found.seq, index) not in failed for index in found.pending)
        known = batch.items if batch.sealed or batch.request.input else batch.request.items
        items = max(known, made.next_item)
        remaining += items - made.next_item
        status = Status.FAILED if batch.reason else Status.EXPIRED
        if batch.sealed and not remaining:
            status = final_status(items, len(failed), batch.request.tolerated_failure_percentage)
        closed = replace(batch, items=items, chunks=made.next_seq)
        return self._finish(closed, status, len(failed), remaining, None, clock)

    def _finish(
        self, batch: Batch, status: Status, failed: int, remaining: int, drained_at: int | None, clock: Clock
    ) -> float | None:
        ending = Ending(
            batch_id=batch.batch_id,
            generation=batch.generation,
            architecture="sqs",
            status=status,
            items=batch.items,
            succeeded=batch.items - failed - remaining,
            failed=failed,
            remaining=remaining,
            chunks=batch.chunks,
            started_at=batch.started_at,
            finished_at=clock.now(),
            reason=batch.reason or (f"the deadline {iso(batch.deadline)} passed" if remaining else None),
        )
        if not self.table.finish(batch.key, ending, drained_at, clock.deadline):
            # Another finalizer won; it announces.
            return self.check_interval
        self._announce(batch.key, ending)
        return None

    def _announce_again(self, batch: Batch, clock: Clock) -> float | None:
        """Take the announcement over from a finalizer that died, after the time it had."""
        if batch.notified:
            return None
        if batch.announce_until > clock.now():
            return (batch.announce_until - clock.now()) / 1000 + 1
        if not self.table.take_announcement_over(batch, clock.deadline):
            return self.check_interval
        self._announce(batch.key, stored_ending(batch))
        return None

    def _announce(self, key: BatchKey, ending: Ending) -> None:
        self.events.publish(FINISHED, ending.detail())
        self.table.record_notified(key)
        log_finished(ending.detail())

    def _watch_progress(self, batch: Batch, now: int) -> None:
        """Publish Batch Stalled, once, when nothing has moved for too long."""
        glimpse = self.table.glimpse(batch)
        if glimpse != batch.progress:
            self.table.record_progress(batch.key, glimpse, now)
        elif now - batch.progress_at > self.stall_after * 1000 and self.table.record_stalled(batch):
            detail = {**batch.key.to_json(), "architecture": "sqs", "since": iso(batch.progress_at)}
            self.events.publish(STALLED, detail)


def stored_ending(batch: Batch) -> Ending:
    """The ending that the winner stored, for whoever announces it in its place."""
    return Ending(
        batch_id=batch.batch_id,
        generation=batch.generation,
        architecture="sqs",
        status=batch.status,
        items=batch.items,
        succeeded=batch.succeeded or 0,
        failed=batch.failed or 0,
        remaining=batch.remaining or 0,
        chunks=batch.chunks,
        started_at=batch.started_at,
        finished_at=batch.finished_at or 0,
        reason=batch.reason,
    )


@functools.cache
def connections() -> tuple[Finalizer, Queue]:
    """This function's finalizer and queue; made once an environment."""
    finalizer = Finalizer(
        table=BatchTable(boto3.client("dynamodb"), settings.text("TABLE_NAME")),
        events=Events(boto3.client("events"), settings.text("EVENT_BUS_NAME")),
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
        stall_after=settings.whole("STALL_AFTER_SECONDS"),
    )
    return finalizer, Queue(boto3.client("sqs"), settings.text("FINALIZER_QUEUE_URL"))


def handler(event: dict, context) -> dict:
    """Lambda entry: checks and nudges. A check that is not over goes back to its queue, which makes it the timer."""
    finalizer, queue = connections()
    clock = Clock(context)

    def handle(record) -> None:
        try:
            message = FinalizerMessage.parse(record.body)
        except (ValueError, KeyError, TypeError) as stranger:
            logger.error("neither check nor nudge, dropped", message_id=record.message_id, reason=repr(stranger))
            return
        try:
            again = finalizer.look(message.key, message.drained_at, clock)
        except NoSuchBatch:
            if clock.now() - int(record.attributes.sent_timestamp) > APPEARS_WITHIN_MS:
                logger.error("batch never appeared", batch_id=message.key.batch_id)
                return
            again = finalizer.check_interval
        if message.check and again is not None:
            raise HandBack(again)

    return process_records(event, context, queue, handle)
