"""Finalizer: decides once that a batch is over, and publishes Batch Finished."""

import functools
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers import sources
from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.errors import TRIES, is_mistake, reason_of
from handlers.aws.events import FINISHED, STALLED, Events
from handlers.aws.functions import Function
from handlers.aws.results import ResultStore, store
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.telemetry import log_finished, logger
from handlers.core.batch import Ending, InvalidRequest, Status, final_status, iso
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import JsonObject
from handlers.sqs.messages import FinalizerMessage, GivenUp, Lane, loads
from handlers.sqs.records import SEGMENT_STRIDE, Batch, BatchKey, LeaseHeld, Segment, lanes
from handlers.sqs.segments import SegmentItems, unsettled
from handlers.sqs.standstill import sentence_of, table_tells
from handlers.sqs.start import give_up, publish_skipped
from handlers.sqs.table import BatchTable
from handlers.sqs.unready import judged

# A check message is sent before its batch record is put. A batch without a record after this time never gets one.
APPEARS_WITHIN_MS = 15 * 60 * 1000
# The batchers that a start invokes have taken their first segments by then. Until then no check invokes another one.
BEGINS_WITHIN_MS = 10_000
# With less than this left an early end stops; the next check goes on from the closing records.
STOP_MS = 5_000
# Batch Stalled names this many of the chunks that are left.
NAMED_CHUNKS = 10
PLACE = "finalizer"
THREADS = 16


class NoSuchBatch(Exception):
    """The batch has no record: its batcher is about to put it, or never got that far."""


@dataclass
class Finalizer:
    """The finalizer's part of the protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    batcher: Function
    events: Events
    segment_items: SegmentItems
    results: ResultStore | None
    check_interval: float
    stall_after: float
    # Calls a function for every shard or segment, several at a time if it has threads.
    map: Callable[..., Iterable[Any]] = map

    def check(self, message: FinalizerMessage, clock: Clock) -> float | None:
        """End the batch if it is over. Returns seconds to the next check, None if announced. Raises NoSuchBatch."""
        key = message.key
        # The record before the shards: in the other order the batch could be sealed in between.
        batch = self.table.get_batch(key.batch_id, key.generation)
        if not batch:
            raise NoSuchBatch(key)
        if batch.status == Status.SKIPPED:
            # Its request was given up, perhaps before its batcher could tell.
            publish_skipped(self.events, batch)
            return None
        if batch.status != Status.OPEN:
            return self._announce_again(batch, clock)
        now = clock.now()
        if batch.sealed and self._is_drained(batch):
            failed = self._count_failed(batch, clock)
            if failed is None:
                return 0
            return self._finish(*when_settled(batch, failed), failed, 0, message.drained_at, clock)
        batch = judged(self.table, batch, now)
        if now >= batch.deadline:
            return self._end_early(batch, clock)
        if message.check:
            # Not at a nudge: Lambda stops a chain of calls that goes from batchers to nudges and back, see ROUNDS.
            self._have_segments_made(batch, now)
        try:
            self._watch_progress(batch, now)
        except Exception as error:
            # The watch decides nothing, so a mistake in it must not keep a batch from its end.
            if not is_mistake(error):
                raise
            logger.exception("not watched", batch_id=key.batch_id)
        return min(self.check_interval, (batch.deadline - now) / 1000 + 1)

    def met_mistake(self, key: BatchKey, error: Exception, clock: Clock) -> None:
        """Count a mistake in the code that a check met. After TRIES the batch ends early, after 2 * TRIES at once.

        At once means without waiting for processors: all items that are not known to be done count as remaining.
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

    def _have_segments_made(self, batch: Batch, now: int) -> None:
        """Invoke a batcher for each lane of which no batcher has the first segment in hand."""
        for lane, number in sorted(lanes(batch.segments).items()):
            segment = self.table.get_segment(batch.key, number)
            held_until = segment.lease_until if segment else batch.started_at + BEGINS_WITHIN_MS
            if held_until <= now:
                self.batcher.invoke(Lane(batch.key, lane).event())

    def _is_drained(self, batch: Batch) -> bool:
        return all(self.table.is_shard_empty(batch.key, shard) for shard in range(batch.shards))

    def _count_failed(self, batch: Batch, clock: Clock) -> int | None:
        """The number of failed items, once no function works on the batch; None if the next check must go on."""
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
        # Reading a single page again is as cheap as recording it.
        if closing != found and (pages > 1 or not has_time):
            self.table.put_closing(batch, shard, closing)
        return closing.failed if has_time else None

    def _end_early(self, batch: Batch, clock: Clock) -> float | None:
        """End a batch before all its items are settled, once no function works on it any more."""
        now = clock.now()
        # First no more chunks: a batcher that still works must not add to the chunks that are counted here.
        fences = list(self.map(lambda number: self.table.fence_segment(batch.key, number, now), sorted(batch.segments)))
        if leases := [fence.lease_until for fence in fences if isinstance(fence, LeaseHeld)]:
            return self._wait_for(max(leases), now)
        cursors = {fence.number: fence for fence in fences if isinstance(fence, Segment)}
        # Then no more claims. If time runs out, the next check goes on.
        closed = list(self.map(lambda shard: self._close_shard(batch, cursors, shard, clock), range(batch.shards)))
        if lease_until := max(until for until, _ in closed):
            return self._wait_for(lease_until, now)
        # No function works on the batch any more: the failed and the remaining items change no more.
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
        if batch.sealed and not remaining:
            return self._finish(*when_settled(ended, failed), failed, 0, None, clock)
        status, reason = when_early(batch)
        if batch.broken:
            reason += f"; {batch.broken}"
        if uncounted:
            reason += "; its input was not read to the end, and more may remain than is counted"
        return self._finish(replace(ended, reason=reason), status, failed, remaining, None, clock)

    def _wait_for(self, lease_until: int, now: int) -> float:
        return max(0, min(self.check_interval, (lease_until - now) / 1000 + 1))

    def _close_shard(self, batch: Batch, cursors: Mapping[int, Segment], shard: int, clock: Clock) -> tuple[int, int]:
        """Drop a shard's free chunks and count their remaining items.

        Returns the time to wait for (a lease's end, now if this check is out of time, 0 if closed), and the count.
        """
        closing = self.table.get_closing(batch.key, shard)
        wait_until, next_seq, remaining = 0, closing.next_seq, closing.remaining
        for found in self.table.drop_chunks(batch, shard, clock.now(), closing.next_seq):
            if isinstance(found, LeaseHeld):
                wait_until = max(wait_until, found.lease_until)
            elif not wait_until:
                # Only up to the first lease: the items of a processor that still works are counted when it is done.
                next_seq = found.key.seq + 1
                cursor = cursors.get(found.key.seq // SEGMENT_STRIDE)
                # A batcher put a record beyond the cursor and died before it sent the message: that chunk is not made.
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
        """The number of items beyond the cursors, found by reading the input, and whether there may be more."""
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
        succeeded = batch.items - failed - remaining
        counted = replace(batch, succeeded=succeeded, failed=failed, remaining=remaining)
        ending = replace(counted, status=status, finished_at=clock.now()).ending()
        if not self.table.finish(batch.key, ending, drained_at, clock.deadline):
            # Another finalizer has won and announces.
            return self.check_interval
        self._announce(batch.key, ending, clock)
        return None

    def _announce_again(self, batch: Batch, clock: Clock) -> float | None:
        """Take the announcement over from a finalizer that died, once its time is over."""
        if batch.notified:
            return None
        if batch.announce_until > clock.now():
            return (batch.announce_until - clock.now()) / 1000 + 1
        if not self.table.take_announcement_over(batch, clock.deadline):
            return self.check_interval
        self._announce(batch.key, batch.ending(), clock)
        return None

    def _announce(self, key: BatchKey, ending: Ending, clock: Clock) -> None:
        if self.results:
            self.results.put_manifest(key.batch_id, key.generation, lambda: clock.has(STOP_MS))
        self.events.publish(FINISHED, ending.detail())
        self.table.record_notified(key)
        log_finished(ending.detail())

    def _watch_progress(self, batch: Batch, now: int) -> None:
        """Publish Batch Stalled once if nothing has moved for too long."""
        glimpse = self.table.glimpse(batch)
        if glimpse != batch.progress:
            self.table.record_progress(batch.key, glimpse, now)
        elif now - batch.progress_at > self.stall_after * 1000 and self.table.record_stalled(batch):
            self.events.publish(STALLED, self._stalled_detail(batch, now))

    def _stalled_detail(self, batch: Batch, now: int) -> JsonObject:
        """The detail of the Batch Stalled event: since when nothing moves, why by the table alone, what is missing."""
        look = self.table.look(batch, now)
        missing = {
            "chunks": look.chunks.left,
            "segments": sorted(batch.segments),
            "first": self.table.first_chunks(batch, NAMED_CHUNKS),
        }
        since, why = iso(batch.progress_at), sentence_of(table_tells(look))
        return {**batch.key.to_json(), "architecture": "sqs", "since": since, "why": why, "missing": missing}


def when_settled(batch: Batch, failed: int) -> tuple[Batch, Status]:
    """The ending of a batch whose items are all settled: the batch with its reason, and its status."""
    if batch.broken:
        return replace(batch, reason=batch.broken), Status.FAILED
    return batch, final_status(batch.items, failed, batch.request.tolerated_failure_percentage)


def when_early(batch: Batch) -> tuple[Status, str]:
    """Status and reason of a batch that ends early."""
    if batch.reason:
        return Status.FAILED, batch.reason
    if batch.cancelled:
        return Status.CANCELLED, f"cancelled at {iso(batch.deadline)}"
    return Status.EXPIRED, f"the deadline {iso(batch.deadline)} passed"


@functools.cache
def connections() -> tuple[Finalizer, Queue]:
    """The function's finalizer and queue; made once per environment."""
    table = BatchTable(client("dynamodb", connections=THREADS), settings.text("TABLE_NAME"))
    finalizer = Finalizer(
        table=table,
        batcher=Function(settings.text("BATCHER_FUNCTION_NAME")),
        events=Events(client("events"), settings.text("EVENT_BUS_NAME")),
        segment_items=SegmentItems(table, sources.items),
        results=store(),
        map=ThreadPoolExecutor(THREADS).map,
        check_interval=settings.whole("CHECK_INTERVAL_SECONDS"),
        stall_after=settings.whole("STALL_AFTER_SECONDS"),
    )
    return finalizer, Queue(client("sqs"), settings.text("FINALIZER_QUEUE_URL"))


def handler(event: SqsEvent, context: LambdaContext) -> SqsResponse:
    """Lambda entry: checks, nudges and requests that were given up.

    The check of an open batch returns to its queue: that makes it the timer.
    """
    finalizer, queue = connections()
    clock = Clock(context)

    def handle(record: SQSRecord) -> None:
        try:
            body = loads(record.body)
            given_up = GivenUp.find(body, record.message_id)
            message = give_up(finalizer.table, given_up, clock.now()) if given_up else FinalizerMessage.parse(body)
        except (ValueError, KeyError, TypeError) as error:
            logger.error("neither check nor nudge, dropped", message_id=record.message_id, reason=repr(error))
            return
        try:
            seconds = finalizer.check(message, clock)
        except Exception as error:
            if not isinstance(error, NoSuchBatch):
                if is_mistake(error):
                    finalizer.met_mistake(message.key, error, clock)
                raise
            if clock.now() - int(record.attributes.sent_timestamp) > APPEARS_WITHIN_MS:
                logger.error("batch never appeared", batch_id=message.key.batch_id)
                return
            seconds = finalizer.check_interval
        if message.check and seconds is not None:
            raise ReturnMessage(seconds)

    # A check is received many times without failing. So a failed one waits no longer than until its next turn.
    return process_records(event, queue, handle, longest=finalizer.check_interval)
