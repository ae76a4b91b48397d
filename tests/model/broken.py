"""The protocol with one of its precautions taken out: each variant is an obvious way to do it, and wrong."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from unittest import mock

from greenlet import getcurrent

from handlers.aws.events import FINISHED
from handlers.core.batch import Status
from handlers.core.clock import Clock
from handlers.core.selection import Selection
from handlers.sqs import attempt, batcher
from handlers.sqs.batcher import Batcher, chunk_key
from handlers.sqs.encoding import batch_key, n
from handlers.sqs.finalizer import Finalizer
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import GivenUp
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.processor import Processor
from handlers.sqs.records import Batch, Segment
from handlers.sqs.start import Starter
from handlers.sqs.table import BatchTable, chunk_records
from tests.model.lambdas import Mistake, WorkOfTheModel, nothing

type Patches = list
VARIANTS: dict[str, Callable[[], Patches]] = {}


def variant(patches: Callable[[], Patches]) -> Callable[[], Patches]:
    """Name a variant after the function that makes its patches."""
    VARIANTS[patches.__name__] = patches
    return patches


@variant
def messages_before_their_records() -> Patches:
    put, send = BatchTable.put_chunks, Batcher._send
    waiting: dict = {}

    def put_later(table, sizes, now):
        waiting[getcurrent()] = lambda: put(table, sizes, now)

    def send_and_put(batcher, batch, window):
        send(batcher, batch, window)
        waiting.pop(getcurrent(), lambda: None)()

    return [mock.patch.object(BatchTable, "put_chunks", put_later), mock.patch.object(Batcher, "_send", send_and_put)]


@variant
def no_seal() -> Patches:
    return [mock.patch.object(Batch, "sealed", True)]


@variant
def a_counter_instead_of_records() -> Patches:
    delete, finish_segment = BatchTable.delete_chunks, BatchTable.finish_segment

    def count(table, key, chunks):
        table.client.update_item(
            TableName=table.name,
            Key=batch_key(key),
            UpdateExpression="ADD chunksLeft :chunks",
            ExpressionAttributeValues={":chunks": n(chunks)},
        )

    def count_and_delete(table, keys):
        keys = list(keys)
        for key in keys:
            count(table, key.batch, -1)
        delete(table, keys)

    def count_and_finish(table, key, number, items, chunks, *rest):
        count(table, key, chunks)
        return finish_segment(table, key, number, items, chunks, *rest)

    def none_left(table, key, shard):
        record = table.client.get_item(TableName=table.name, Key=batch_key(key), ConsistentRead=True)["Item"]
        return int(record.get("chunksLeft", n(0))["N"]) <= 0

    return [
        mock.patch.object(BatchTable, "delete_chunks", count_and_delete),
        mock.patch.object(BatchTable, "finish_segment", count_and_finish),
        mock.patch.object(BatchTable, "is_shard_empty", none_left),
    ]


@variant
def check_then_notify() -> Patches:
    finish = BatchTable.finish

    def finish_regardless(table, key, ending, drained_at, announce_until):
        finish(table, key, ending, drained_at, announce_until)
        return True

    return [mock.patch.object(BatchTable, "finish", finish_regardless)]


@variant
def shards_read_before_the_batch_record() -> Patches:
    check = Finalizer.check

    def shards_first(finalizer, message, clock):
        key = message.key
        batch = finalizer.table.get_batch(key.batch_id, key.generation)
        drained = bool(batch) and all(finalizer.table.is_shard_empty(key, shard) for shard in range(batch.shards))
        with mock.patch.object(finalizer, "_is_drained", return_value=drained):
            return check(finalizer, message, clock)

    return [mock.patch.object(Finalizer, "check", shards_first)]


@variant
def records_of_the_last_window_put_again() -> Patches:
    send = Batcher._send

    def put_and_send(batcher, batch, window: Iterable):
        chunks = list(window)
        batcher.table.put_chunks({chunk_key(batch, chunk.seq): len(chunk.items) for chunk in chunks}, batch.started_at)
        send(batcher, batch, chunks)

    return [mock.patch.object(Batcher, "_send", put_and_send)]


@variant
def a_lease_that_ends_under_its_holder() -> Patches:
    short = property(lambda clock: clock.now() + 10_000, lambda *_: None)
    return [mock.patch.object(Clock, "deadline", short, create=True)]


@variant
def records_deleted_before_failures_are_recorded() -> Patches:
    add_failed = FinishedChunks.add_failed

    def delete_first(finished, claim, message, errors, before):
        finished.add(claim.key)
        finished.flush()
        add_failed(finished, claim, message, errors, before)

    return [mock.patch.object(FinishedChunks, "add_failed", delete_first)]


@variant
def counted_before_no_more_is_made() -> Patches:
    def unfenced(table, key, number, now):
        return table.get_segment(key, number) or Segment(number, 0)

    return [mock.patch.object(BatchTable, "fence_segment", unfenced)]


@variant
def no_check_message() -> Patches:
    return [mock.patch.object(Starter, "_announce_check", nothing)]


@variant
def a_request_given_up_that_nobody_hears_of() -> Patches:
    return [
        mock.patch.object(GivenUp, "find", return_value=None),
        *mistaken(Starter, "start"),
        *mistaken(Mistakes, "met"),
    ]


@variant
def batchers_that_invoke_one_another_without_end() -> Patches:
    return [mock.patch.object(batcher, "ROUNDS", 100), mock.patch.object(Clock, "has", one_window_each)]


@variant
def recorded_as_published_before_it_is() -> Patches:
    def record_first(finalizer, key, ending, clock):
        finalizer.table.record_notified(key)
        finalizer.events.publish(FINISHED, ending.detail())

    return [mock.patch.object(Finalizer, "_announce", record_first)]


@variant
def a_repeat_made_up_anew() -> Patches:
    announce = Finalizer._announce

    def as_of_now(finalizer, key, ending, clock):
        announce(finalizer, key, replace(ending, finished_at=clock.now()), clock)

    return [mock.patch.object(Finalizer, "_announce", as_of_now)]


@variant
def announced_by_everybody_who_finds_it_over() -> Patches:
    def at_once(finalizer, batch, clock):
        if not batch.notified and batch.status != Status.SKIPPED:
            finalizer._announce(batch.key, batch.ending(), clock)

    return [mock.patch.object(Finalizer, "_announce_again", at_once)]


@variant
def failures_counted_before_they_are_recorded() -> Patches:
    put_failed = BatchTable.put_failed

    def count_first(table, key, failed, attempts, now, before=0):
        table.put_failed_count(key, before + len(failed), now)
        put_failed(table, key, failed, attempts, now, before)

    return [mock.patch.object(BatchTable, "put_failed", count_first)]


@variant
def failures_counted_without_those_recorded_before() -> Patches:
    put_failed = BatchTable.put_failed

    def count_own(table, key, failed, attempts, now, before=0):
        put_failed(table, key, failed, attempts, now)

    return [mock.patch.object(BatchTable, "put_failed", count_own)]


@variant
def an_early_end_that_trusts_a_dead_holder() -> Patches:
    return [mock.patch.object(chunk_records, "died", return_value=False)]


@variant
def what_is_not_tried_again_forgotten() -> Patches:
    return [mock.patch.object(attempt, "with_marked", lambda bitmap, *_: bitmap)]


@variant
def an_early_end_that_trusts_a_count_nobody_came_to_write() -> Patches:
    return [mock.patch.object(BatchTable, "put_failed_count", nothing)]


@variant
def a_redrive_that_runs_what_it_is_to_keep() -> Patches:
    return [mock.patch.object(Selection, "failed", lambda selection, item, error: item)]


@variant
def a_finalizers_mistakes_that_end_nothing() -> Patches:
    return [mock.patch.object(Finalizer, "met_mistake", nothing), *mistaken(Finalizer, "_count_failed")]


@variant
def a_processors_mistake_that_loses_its_chunk() -> Patches:
    def used_up(processor, claim, message, *_):
        processor.finished.add(claim.key)

    return [mock.patch.object(Processor, "_attempt_failed", used_up), *mistaken(WorkOfTheModel, "run")]


def mistaken(owner: object, name: str) -> Patches:
    """A mistake in that function, for good."""

    def raise_it(*_, **__):
        raise Mistake(name)

    return [mock.patch.object(owner, name, raise_it)]


def one_window_each(clock: Clock, milliseconds: int, beside: int = 0) -> bool:
    """In place of Clock.has: an invocation of the batcher has time for one window."""
    if milliseconds != batcher.WINDOW_MS:
        return clock.remaining() - beside > milliseconds
    vars(clock)["windows"] = vars(clock).get("windows", 0) + 1
    return vars(clock)["windows"] == 1
