"""Processor: claims each chunk just before it processes it, and finishes it when all its items are settled."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.errors import is_mistake
from handlers.aws.results import ResultStore, store
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.telemetry import logger, put_counts
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import Item
from handlers.core.outcome import error_text
from handlers.core.run_items import STOP_MS, Results
from handlers.core.user_modules import WorkCannotStart
from handlers.sqs.attempt import DEATHS_BEYOND, Attempt
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import ChunkMessage, chunk_in
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import BatchKey, ChunkDropped, ChunkFinished, ChunkKey, Claim, LeaseHeld
from handlers.sqs.table import BatchTable
from handlers.sqs.unready import report
from handlers.worker import WORKER, Worker


@dataclass
class Processor:
    """The processor's part of the protocol; docs/design.md explains the order of its steps."""

    table: BatchTable
    finished: FinishedChunks
    worker: Worker
    retry_delay: float
    results: ResultStore | None
    cannot_start: str = ""
    reported: set[BatchKey] = field(default_factory=set)
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
        if not self._is_ready(key, clock):
            raise ReturnMessage(self.retry_delay)
        claim = self.table.claim_chunk(key, clock.now(), clock.deadline)
        if isinstance(claim, ChunkFinished | ChunkDropped):
            self.finished.already_finished(key)
            return
        if isinstance(claim, LeaseHeld):
            self.finished.left_unfinished(key)
            raise ReturnMessage((claim.lease_until - clock.now()) / 1000 + 1)
        try:
            self._work_on(claim, message, clock)
        except ReturnMessage:
            raise
        except Exception as error:
            if not is_mistake(error):
                raise
            self._attempt_failed(claim, message, error, clock)

    def _is_ready(self, key: ChunkKey, clock: Clock) -> bool:
        """Whether the work can start, and in time. If it cannot, this invocation reports that once for each batch."""
        try:
            if not self.cannot_start and self.worker.ready(clock):
                return True
        except WorkCannotStart as cannot:
            self.cannot_start = str(cannot)
        if self.cannot_start and key.batch not in self.reported:
            self.reported.add(key.batch)
            report(self.table, self.finished.finalizer_queue, key.batch, self.cannot_start)
        self.finished.left_unfinished(key)
        return False

    def _attempt_failed(self, claim: Claim, message: ChunkMessage, error: Exception, clock: Clock) -> None:
        """A mistake in the code uses up an attempt at the chunk. After the last attempt it is the items' error."""
        logger.exception("attempt failed", batch_id=claim.key.batch.batch_id, seq=claim.key.seq)
        if isinstance(error, WorkCannotStart):
            # Its process had ended since, and no other can be had.
            self.cannot_start = str(error)
            self._is_ready(claim.key, clock)
        elif claim.attempts >= message.max_attempts:
            self.finished.fail_pending(claim, message, error_text(error))
            return
        self.table.free_chunk(claim)
        self.finished.left_unfinished(claim.key)
        raise ReturnMessage(self.retry_delay)

    def _work_on(self, claim: Claim, message: ChunkMessage, clock: Clock) -> None:
        if claim.attempts > message.max_attempts + (DEATHS_BEYOND if claim.died else 0):
            self.finished.fail_pending(claim, message)
            return
        attempt = Attempt(self.table, self.finished, claim, message, clock, self.results)
        about = {"batch_id": claim.key.batch.batch_id, "seq": claim.key.seq, "attempt": claim.attempts}

        def run(items: Mapping[int, Item], alone: Collection[int]) -> Results:
            keep, concurrency = bool(self.results), message.item_concurrency
            return self.worker.run(items, concurrency, clock, about=about, keep_values=keep, alone=alone)

        attempt.work(run)
        self.items_done += len(attempt.found.done)
        self.work_ms += attempt.found.work_ms
        attempt.settle(self.retry_delay)


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
    processor = Processor(table, finished, WORKER, settings.whole("RETRY_DELAY_SECONDS"), results)

    def handle(record: SQSRecord) -> None:
        message = chunk_in(record)
        if message:
            with mistakes.end_the_batch(message.key.batch, f"chunk {message.key.seq}", clock):
                processor.handle(message, int(record.attributes.approximate_receive_count) > 1, clock)

    response = process_records(event, queue, handle)
    finished.close_or_count_mistake(mistakes)
    # CloudWatch bills a metric for every hour in which it has data.
    failed = {"ItemsFailed": finished.items_failed} if finished.items_failed else {}
    put_counts({"workMs": processor.work_ms}, ItemsProcessed=processor.items_done, **failed)
    return response
