"""Processor: claims each chunk just before it works on it, and finishes it when every item is settled."""

import functools
from collections.abc import Callable
from typing import Any

import boto3

from handlers import work
from handlers.aws import settings
from handlers.aws.errors import is_mistake
from handlers.aws.partial import HandBack, process_records
from handlers.aws.queues import Queue
from handlers.aws.results import ResultStore, store
from handlers.aws.surroundings import put_back
from handlers.aws.telemetry import logger, put_metrics
from handlers.core.bitmap import pending_indexes
from handlers.core.clock import Clock
from handlers.core.outcome import error_text
from handlers.core.run_items import STOP_MS, run_items
from handlers.sqs.finished import NEVER_TRIED, FinishedChunks
from handlers.sqs.messages import chunk_in
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import ChunkMessage, Claim, Dropped, Gone, Held
from handlers.sqs.table import BatchTable


class Processor:
    """The processor's part of the protocol; docs/design.md says why each step comes where it does."""

    def __init__(
        self,
        table: BatchTable,
        finished: FinishedChunks,
        process: Callable[[dict], Any],
        retry_delay: float,
        results: ResultStore | None,
    ):
        self.table = table
        self.finished = finished
        self.process = process
        self.retry_delay = retry_delay
        self.results = results
        self.items_done = 0
        self.work_ms = 0

    def handle(self, message: ChunkMessage, redelivered: bool, clock: Clock) -> None:
        """Work on one chunk. Raises HandBack when its message must come again."""
        key = message.key
        if clock.now() >= message.deadline:
            # The finalizer counts it as remaining; claiming it would only put that off.
            self.finished.left_behind(key)
            return
        if redelivered or self.finished.holds(key):
            # Its last processor may have died of it: what is finished here must not be lost with this one too. A copy
            # of a chunk finished here must find its record gone.
            self.finished.flush()
        if not clock.has(2 * STOP_MS):
            self.finished.left_behind(key)
            raise HandBack(0)
        claim = self.table.claim_chunk(key, clock.now(), clock.lease())
        if isinstance(claim, Gone | Dropped):
            self.finished.found_gone(key)
        elif isinstance(claim, Held):
            self.finished.left_behind(key)
            raise HandBack((claim.lease_until - clock.now()) / 1000 + 1)
        else:
            try:
                self._work_on(claim, message, clock)
            except HandBack:
                raise
            except Exception as error:
                if not is_mistake(error):
                    raise
                self._attempt_failed(claim, message, error)

    def _attempt_failed(self, claim: Claim, message: ChunkMessage, error: Exception) -> None:
        """A mistake in the code is an attempt at the chunk like any other; after the last it is its items' error."""
        count = len(message.items)
        logger.exception("attempt failed", batch_id=claim.key.batch.batch_id, seq=claim.key.seq)
        if claim.attempts >= message.max_attempts:
            recorded = self.table.failed_indexes(claim.key)
            pending = (index for index in pending_indexes(claim.settled, count) if index not in recorded)
            self.finished.add_failed(claim, message, dict.fromkeys(pending, error_text(error)), len(recorded))
            return
        self.table.release_chunk(claim, (), count, give_back_attempt=False)
        self.finished.left_behind(claim.key)
        raise HandBack(self.retry_delay)

    def _work_on(self, claim: Claim, message: ChunkMessage, clock: Clock) -> None:
        if claim.attempts > message.max_attempts:
            self.finished.give_up(claim, message)
            return
        count = len(message.items)
        pending = {index: message.items[index] for index in pending_indexes(claim.settled, count)}
        with put_back():
            done = run_items(
                pending,
                self.process,
                message.item_concurrency,
                lambda longest: clock.has(STOP_MS, longest),
                keep_values=bool(self.results),
            )
        self.items_done += len(done.done)
        self.work_ms += done.work_ms
        if self.results:
            # Before anything says that the items are done. A lease is taken once: its end tells the claims apart.
            name = f"{claim.key.seq:012d}-{claim.lease_until}"
            values = ((message.items[index]["id"], value) for index, value in sorted(done.values.items()))
            self.results.put(claim.key.batch.batch_id, claim.key.batch.generation, name, values)
        # An attempt that ran out of time but got on is given back: the items that are left bound how often.
        got_on = bool(done.left and done.done)
        hopeless = not done.left and done.invalid.issuperset(done.failed)
        if not done.failed and not done.left:
            self.finished.add(claim.key)
        elif hopeless or (claim.attempts == message.max_attempts and not got_on):
            errors = done.failed | dict.fromkeys(done.left, NEVER_TRIED)
            self.table.save_chunk(claim, done.done, count, message.max_attempts)
            self.finished.add_failed(claim, message, errors)
        else:
            self.table.release_chunk(claim, done.done, count, give_back_attempt=got_on)
            self.finished.left_behind(claim.key)
            raise HandBack(0 if got_on else self.retry_delay)


@functools.cache
def connections() -> tuple[BatchTable, Queue, Queue, ResultStore | None]:
    """This function's table, chunk queue, finalizer queue and results; made once an environment."""
    sqs = boto3.client("sqs")
    return (
        BatchTable(boto3.client("dynamodb"), settings.text("TABLE_NAME")),
        Queue(sqs, settings.text("CHUNK_QUEUE_URL")),
        Queue(sqs, settings.text("FINALIZER_QUEUE_URL")),
        store(),
    )


def handler(event: dict, context) -> dict:
    """Lambda entry: messages of the chunk queue."""
    table, queue, finalizer_queue, results = connections()
    clock = Clock(context)
    finished = FinishedChunks(table, finalizer_queue, clock)
    mistakes = Mistakes(table, finalizer_queue)
    processor = Processor(table, finished, work.process, settings.whole("RETRY_DELAY_SECONDS"), results)

    def handle(record) -> None:
        message = chunk_in(record)
        if message:
            with mistakes.end_the_batch(message.key.batch, f"chunk {message.key.seq}", clock):
                processor.handle(message, int(record.attributes.approximate_receive_count) > 1, clock)

    response = process_records(event, context, queue, handle)
    finished.close_or_tell(mistakes)
    # A metric is paid for every hour in which it has data.
    failed = {"ItemsFailed": finished.items_failed} if finished.items_failed else {}
    put_metrics({"workMs": processor.work_ms}, ItemsProcessed=processor.items_done, **failed)
    return response
