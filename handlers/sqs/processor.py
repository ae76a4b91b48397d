"""Processor: claims each chunk just before it processes it, and finishes it when all its items are settled."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers import work
from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.errors import is_mistake
from handlers.aws.results import ResultStore, store
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.surroundings import put_back
from handlers.aws.telemetry import logger, put_metrics
from handlers.core.bitmap import pending_indexes
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import Item
from handlers.core.outcome import error_text
from handlers.core.run_items import STOP_MS, run_items
from handlers.sqs.finished import NEVER_TRIED, FinishedChunks
from handlers.sqs.messages import ChunkMessage, chunk_in
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import ChunkDropped, ChunkFinished, Claim, LeaseHeld
from handlers.sqs.table import BatchTable


@dataclass
class Processor:
    """The processor's part of the protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    finished: FinishedChunks
    process: Callable[[Item], Any]
    retry_delay: float
    results: ResultStore | None
    items_done: int = 0
    work_ms: int = 0

    def handle(self, message: ChunkMessage, redelivered: bool, clock: Clock) -> None:
        """Process one chunk. Raises ReturnMessage if its message must be redelivered."""
        key = message.key
        if clock.now() >= message.deadline:
            # The finalizer counts the chunk as remaining; a claim would only delay that.
            self.finished.left_unfinished(key)
            return
        if redelivered or self.finished.holds(key):
            # The chunk may have killed its last processor, and may kill this one: first delete the finished chunks.
            # And a copy of a chunk that is finished here must find its record deleted.
            self.finished.flush()
        if not clock.has(2 * STOP_MS):
            self.finished.left_unfinished(key)
            raise ReturnMessage(0)
        claim = self.table.claim_chunk(key, clock.now(), clock.deadline)
        if isinstance(claim, ChunkFinished | ChunkDropped):
            self.finished.already_finished(key)
        elif isinstance(claim, LeaseHeld):
            self.finished.left_unfinished(key)
            raise ReturnMessage((claim.lease_until - clock.now()) / 1000 + 1)
        else:
            try:
                self._work_on(claim, message, clock)
            except ReturnMessage:
                raise
            except Exception as error:
                if not is_mistake(error):
                    raise
                self._attempt_failed(claim, message, error)

    def _attempt_failed(self, claim: Claim, message: ChunkMessage, error: Exception) -> None:
        """A mistake in the code uses up an attempt at the chunk. After the last attempt it is the items' error."""
        count = len(message.items)
        logger.exception("attempt failed", batch_id=claim.key.batch.batch_id, seq=claim.key.seq)
        if claim.attempts >= message.max_attempts:
            recorded = self.table.failed_indexes(claim.key)
            pending = (index for index in pending_indexes(claim.settled, count) if index not in recorded)
            self.finished.add_failed(claim, message, dict.fromkeys(pending, error_text(error)), len(recorded))
            return
        self.table.release_chunk(claim, (), count, give_back_attempt=False)
        self.finished.left_unfinished(claim.key)
        raise ReturnMessage(self.retry_delay)

    def _work_on(self, claim: Claim, message: ChunkMessage, clock: Clock) -> None:
        if claim.attempts > message.max_attempts:
            self.finished.fail_pending(claim, message)
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
            # Before the items are recorded as done. Every claim has its own end of the lease, which tells it apart.
            name = f"{claim.key.seq:012d}-{claim.lease_until}"
            values = ((message.items[index]["id"], value) for index, value in sorted(done.values.items()))
            self.results.put(claim.key.batch.batch_id, claim.key.batch.generation, name, values)
        # A timed-out attempt that made progress does not count. It cannot repeat forever, because each one finishes at
        # least one item.
        progressed = bool(done.left and done.done)
        hopeless = not done.left and done.invalid.issuperset(done.failed)
        if not done.failed and not done.left:
            self.finished.add(claim.key)
        elif hopeless or (claim.attempts == message.max_attempts and not progressed):
            errors = done.failed | dict.fromkeys(done.left, NEVER_TRIED)
            self.table.save_chunk(claim, done.done, count, message.max_attempts)
            self.finished.add_failed(claim, message, errors)
        else:
            self.table.release_chunk(claim, done.done, count, give_back_attempt=progressed)
            self.finished.left_unfinished(claim.key)
            raise ReturnMessage(0 if progressed else self.retry_delay)


@functools.cache
def connections() -> tuple[BatchTable, Queue, Queue, ResultStore | None]:
    """The function's table, chunk queue, finalizer queue and results; made once per environment."""
    sqs = client("sqs")
    return (
        BatchTable(client("dynamodb"), settings.text("TABLE_NAME")),
        Queue(sqs, settings.text("CHUNK_QUEUE_URL")),
        Queue(sqs, settings.text("FINALIZER_QUEUE_URL")),
        store(),
    )


def handler(event: SqsEvent, context: LambdaContext) -> SqsResponse:
    """Lambda entry: messages of the chunk queue."""
    table, queue, finalizer_queue, results = connections()
    clock = Clock(context)
    finished = FinishedChunks(table, finalizer_queue, clock)
    mistakes = Mistakes(table, finalizer_queue)
    processor = Processor(table, finished, work.process, settings.whole("RETRY_DELAY_SECONDS"), results)

    def handle(record: SQSRecord) -> None:
        message = chunk_in(record)
        if message:
            with mistakes.end_the_batch(message.key.batch, f"chunk {message.key.seq}", clock):
                processor.handle(message, int(record.attributes.approximate_receive_count) > 1, clock)

    response = process_records(event, queue, handle)
    finished.close_or_count_mistake(mistakes)
    # CloudWatch bills a metric for every hour in which it has data.
    failed = {"ItemsFailed": finished.items_failed} if finished.items_failed else {}
    put_metrics({"workMs": processor.work_ms}, ItemsProcessed=processor.items_done, **failed)
    return response
