"""Finalizer: decides, once, that a batch is over, and publishes Batch Finished."""

import functools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
from botocore.config import Config

from handlers import source
from handlers.aws import settings
from handlers.aws.errors import is_mistake
from handlers.aws.events import FINISHED, STALLED, Events
from handlers.aws.partial import HandBack, process_records
from handlers.aws.queues import Queue
from handlers.aws.results import ResultStore, store
from handlers.aws.telemetry import log_finished, logger
from handlers.core.batch import Ending, InvalidRequest, Status, final_status, iso
from handlers.core.clock import Clock
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.mistakes import TRIES, reason_of
from handlers.sqs.records import SEGMENT_STRIDE, Batch, BatchKey, Held, Segment
from handlers.sqs.segments import SegmentItems, unsettled
from handlers.sqs.table import BatchTable

# A check message is sent before its batch record is put; a batch that has not appeared by now never will.
APPEARS_WITHIN_MS = 15 * 60 * 1000
# With less than this left an early end is broken off; the next look goes on where this one was.
STOP_MS = 5_000
# Batch Stalled names so many of the chunks that are left.
TOLD_CHUNKS = 10
PLACE = "finalizer"
THREADS = 16


class NoSuchBatch(Exception):
    """There is no record of the batch: it is about to be put, or its batcher never got that far."""


class Finalizer:
    """The finalizer's part of the protocol; docs/design.md says why each step comes where it does."""

    def __init__(
        self,
        table: BatchTable,
        events: Events,
        segment_items: SegmentItems,
        results: ResultStore | None,
        check_interval: float,
        stall_after: float,
        map: Callable[..., Iterable] = map,
    ):
        """`map` calls a function for every shard, or segment: several at a time, where there are threads for it."""
        self.table = table
        self.events = events
        self.segment_items = segment_items
        self.results = results
        self.check_interval = check_interval
        self.stall_after = stall_after
        self.map = map

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
            failed = self._count_failed(batch, clock)
            if failed is None:
                return 0
            return self._finish(*settled(batch, failed), failed, 0, drained_at, clock)
        if now >= batch.deadline:
            return self._end_early(batch, clock)
        try:
            self._watch_progress(batch, now)
        except Exception as error:
            # It decides nothing, so a mistake in it keeps no batch from its end.
            if not is_mistake(error):
                raise
            logger.exception("not watched", batch_id=key.batch_id)
        return min(self.check_interval, (batch.deadline - now) / 1000 + 1)

    def met_mistake(self, key: BatchKey, error: Exception, clock: Clock) -> None:
        """A look has met a mistake in the code. After some the batch ends early; where that fails as well, anyhow.

        Then all that is not known to be done counts as remaining, and nobody waits for processors any more.
        """
        tries = self.table.count_mistake(key, PLACE, clock.now())
        reason = reason_of(error, PLACE)
        if tries >= TRIES:
            self.table.fail(key, reason, clock.now())
        batch = self.table.get_batch(key.batch_id, key.generation) if tries >= 2 * TRIES else None
        if batch and batch.status == Status.OPEN:
            items = max(batch.items, batch.expected or 0)
            reason = f"{reason}; its counts are not known, and what its processors hold may still go on"
            self._finish(replace(batch, items=items, reason=reason), Status.FAILED, 0, items, None, clock)

    def _is_drained(self, batch: Batch) -> bool:
        return all(self.table.is_shard_empty(batch.key, shard) for shard in range(batch.shards))

    def _count_failed(self, batch: Batch, clock: Clock) -> int | None:
        """How many items have failed, once nobody works on the batch any more; None when the next look has to go on."""
        counted = list(self.map(lambda shard: self._count_shard(batch, shard, clock), range(batch.shards)))
        return None if None in counted else sum(count for count in counted if count)

    def _count_shard(self, batch: Batch, shard: int, clock: Clock) -> int | None:
        found = closing = self.table.get_closing(batch.key, shard)
        pages, has_time = 0, True
        for page in self.table.failed_counts(batch, shard, closing.next_counted):
            if not page or not (has_time := clock.has(STOP_MS)):
                break
            pages += 1
            failed = closing.failed + sum(count for _, count in page)
            closing = replace(closing, next_counted=page[-1][0] + 1, failed=failed)
        # A single page is read again as cheaply as it is written down.
        if closing != found and (pages > 1 or not has_time):
            self.table.put_closing(batch, shard, closing)
        return closing.failed if has_time else None

    def _end_early(self, batch: Batch, clock: Clock) -> float | None:
        """End a batch with what is left of it, once nobody works on it any more."""
        now = clock.now()
        # First no more chunks: a batcher that is still at it must not add some to what is counted here.
        fences = list(self.map(lambda number: self.table.fence_segment(batch.key, number, now), sorted(batch.segments)))
        if leases := [fence.lease_until for fence in fences if isinstance(fence, Held)]:
            return self._wait_for(max(leases), now)
        cursors = {fence.number: fence for fence in fences if isinstance(fence, Segment)}
        # Then no more claims. Where time runs out the next look goes on.
        closed = list(self.map(lambda shard: self._close_shard(batch, cursors, shard, clock), range(batch.shards)))
        if lease_until := max(until for until, _ in closed):
            return self._wait_for(lease_until, now)
        # Nobody works on the batch any more: what has failed and what is left stand still.
        failed, remaining = self._count_failed(batch, clock), sum(count for _, count in closed)
        if failed is None:
            return 0
        made = batch.items + sum(cursor.next_item for cursor in cursors.values())
        beyond, uncounted = max(0, (batch.expected or 0) - made), False
        if batch.sealed:
            beyond = 0
        elif batch.expected is None:
            beyond, uncounted = self._count_unread(batch, list(cursors.values()), clock)
        remaining += beyond
        chunks = batch.chunks + sum(cursor.next_chunk for cursor in cursors.values())
        ended = replace(batch, items=made + beyond, chunks=chunks)
        status, reason = Status.EXPIRED, f"the deadline {iso(batch.deadline)} passed"
        if batch.reason:
            status, reason = Status.FAILED, batch.reason
        elif batch.cancelled:
            status, reason = Status.CANCELLED, f"cancelled at {iso(batch.deadline)}"
        if batch.sealed and not remaining:
            return self._finish(*settled(ended, failed), failed, 0, None, clock)
        if batch.broken:
            reason += f"; {batch.broken}"
        if uncounted:
            reason += "; its input was not read to the end, and more may remain than is counted"
        return self._finish(replace(ended, reason=reason), status, failed, remaining, None, clock)

    def _wait_for(self, lease_until: int, now: int) -> float:
        return max(0, min(self.check_interval, (lease_until - now) / 1000 + 1))

    def _close_shard(self, batch: Batch, cursors: Mapping[int, Segment], shard: int, clock: Clock) -> tuple[int, int]:
        """Take a shard's free chunks out of processing and count their items that are left over.

        Returns until when to wait for a lease, or for more time, 0 when the shard is through; and the count.
        """
        closing = self.table.get_closing(batch.key, shard)
        wait_until, next_seq, remaining = 0, closing.next_seq, closing.remaining
        for found in self.table.drop_chunks(batch, shard, clock.now(), closing.next_seq):
            if isinstance(found, Held):
                wait_until = max(wait_until, found.lease_until)
            elif not wait_until:
                # Only up to the first lease: what a processor still works on is counted when it is over.
                next_seq = found.key.seq + 1
                cursor = cursors.get(found.key.seq // SEGMENT_STRIDE)
                # A record beyond the cursor was put by a batcher that died before its messages: it is not made.
                if not cursor or found.key.seq < cursor.first_seq + cursor.next_chunk:
                    left, failed = unsettled(self.table, batch, found)
                    remaining += len(left)
                    if failed:
                        self.table.put_failed_count(found.key, len(failed), clock.now())
            if not clock.has(STOP_MS):
                wait_until = max(wait_until, clock.now())
                break
        if next_seq > closing.next_seq:
            self.table.put_closing(batch, shard, replace(closing, next_seq=next_seq, remaining=remaining))
        return wait_until, remaining

    def _count_unread(self, batch: Batch, cursors: list[Segment], clock: Clock) -> tuple[int, bool]:
        """How many items lie beyond the cursors, which only reading the input tells, and whether there may be more."""
        count = 0
        try:
            for cursor in cursors:
                for _ in self.segment_items(batch, cursor.number, cursor.next_item):
                    count += 1
                    if not clock.has(STOP_MS):
                        return count, True
        except InvalidRequest:
            return count, True
        return count, False

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
            reason=batch.reason,
        )
        if not self.table.finish(batch.key, ending, drained_at, clock.deadline):
            # Another finalizer won; it announces.
            return self.check_interval
        self._announce(batch.key, ending, clock)
        return None

    def _announce_again(self, batch: Batch, clock: Clock) -> float | None:
        """Take the announcement over from a finalizer that died, after the time it had."""
        if batch.notified:
            return None
        if batch.announce_until > clock.now():
            return (batch.announce_until - clock.now()) / 1000 + 1
        if not self.table.take_announcement_over(batch, clock.deadline):
            return self.check_interval
        self._announce(batch.key, stored_ending(batch), clock)
        return None

    def _announce(self, key: BatchKey, ending: Ending, clock: Clock) -> None:
        if self.results:
            self.results.put_manifest(key.batch_id, key.generation, lambda: clock.has(STOP_MS))
        self.events.publish(FINISHED, ending.detail())
        self.table.record_notified(key)
        log_finished(ending.detail())

    def _watch_progress(self, batch: Batch, now: int) -> None:
        """Publish Batch Stalled, once, when nothing has moved for too long."""
        glimpse = self.table.glimpse(batch)
        if glimpse != batch.progress:
            self.table.record_progress(batch.key, glimpse, now)
        elif now - batch.progress_at > self.stall_after * 1000 and self.table.record_stalled(batch):
            self.events.publish(STALLED, self._stalled_detail(batch))

    def _stalled_detail(self, batch: Batch) -> dict:
        """What the Batch Stalled event says: since when nothing moves, and what is missing."""
        missing = {
            "chunks": self.table.count_chunks(batch),
            "segments": sorted(batch.segments),
            "first": self.table.first_chunks(batch, TOLD_CHUNKS),
        }
        return {**batch.key.to_json(), "architecture": "sqs", "since": iso(batch.progress_at), "missing": missing}


def settled(batch: Batch, failed: int) -> tuple[Batch, Status]:
    """How a batch ends of which every item is processed or has failed."""
    if batch.broken:
        return replace(batch, reason=batch.broken), Status.FAILED
    return batch, final_status(batch.items, failed, batch.request.tolerated_failure_percentage)


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
    table = BatchTable(
        boto3.client("dynamodb", config=Config(max_pool_connections=THREADS)), settings.text("TABLE_NAME")
    )
    finalizer = Finalizer(
        table=table,
        events=Events(boto3.client("events"), settings.text("EVENT_BUS_NAME")),
        segment_items=SegmentItems(table, source.items),
        results=store(),
        map=ThreadPoolExecutor(THREADS).map,
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
        except Exception as error:
            if not isinstance(error, NoSuchBatch):
                if is_mistake(error):
                    finalizer.met_mistake(message.key, error, clock)
                raise
            if clock.now() - int(record.attributes.sent_timestamp) > APPEARS_WITHIN_MS:
                logger.error("batch never appeared", batch_id=message.key.batch_id)
                return
            again = finalizer.check_interval
        if message.check and again is not None:
            raise HandBack(again)

    # A check has been received many times without a failure: one that fails has its next turn as any other.
    return process_records(event, context, queue, handle, longest=finalizer.check_interval)
