"""Dead-letter handler: fails the chunk of a dead letter, or ends its batch, so that no message ends in silence."""

import functools
from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws import settings
from handlers.aws.clients import client
from handlers.aws.sqs import Queue, ReturnMessage, SqsEvent, SqsResponse, process_records
from handlers.aws.telemetry import logger
from handlers.core.clock import Clock, LambdaContext
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import ChunkMessage, FinalizerMessage, SegmentMessage, chunk_in
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import BatchKey, Claim, LeaseHeld
from handlers.sqs.start import parse_json, refuse
from handlers.sqs.table import BatchTable


@dataclass
class DeadLetters:
    """Handles the dead letters of the chunk queue and of the batcher's queue."""

    table: BatchTable
    finished: FinishedChunks
    finalizer_queue: Queue

    def chunk(self, message: ChunkMessage, clock: Clock) -> None:
        """Fail the pending items of a chunk. Raises ReturnMessage while a processor still holds the chunk."""
        claim = self.table.claim_chunk(message.key, clock.now(), clock.deadline, attempts_used=message.max_attempts)
        if isinstance(claim, LeaseHeld):
            self.finished.left_unfinished(message.key)
            raise ReturnMessage((claim.lease_until - clock.now()) / 1000 + 1)
        if isinstance(claim, Claim):
            self.finished.fail_pending(claim, message)
        else:
            self.finished.already_finished(message.key)

    def segment(self, message: SegmentMessage, clock: Clock) -> None:
        """End the batch early, because the segment's missing chunks will not be made."""
        reason = f"segment {message.number} went to the dead-letter queue: its batcher failed again and again"
        self.table.abandon_segment(message.key, message.number, reason, clock.now())
        self.finalizer_queue.send(FinalizerMessage(message.key, check=False).body())

    def request(self, body: object, message_id: str, clock: Clock) -> None:
        """End a batch that could not be started."""
        key = BatchKey.of_request(body, message_id)
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body())
        reason = "its request went to the dead-letter queue: the batcher failed again and again"
        refuse(self.table, self.finalizer_queue, key, reason, clock.now())


@functools.cache
def connections() -> tuple[BatchTable, Queue, Queue, Queue]:
    """The function's table, the dead-letter queues of the chunks and of the batcher, and the finalizer's queue."""
    sqs = client("sqs")
    return (
        BatchTable(client("dynamodb"), settings.text("TABLE_NAME")),
        Queue(sqs, settings.text("CHUNK_DEAD_LETTER_QUEUE_URL")),
        Queue(sqs, settings.text("BATCHER_DEAD_LETTER_QUEUE_URL")),
        Queue(sqs, settings.text("FINALIZER_QUEUE_URL")),
    )


def handler(event: SqsEvent, context: LambdaContext) -> SqsResponse:
    """Lambda entry: messages of one of the dead-letter queues."""
    table, chunk_queue, batcher_queue, finalizer_queue = connections()
    clock = Clock(context)
    finished = FinishedChunks(table, finalizer_queue, clock)
    letters, mistakes = DeadLetters(table, finished, finalizer_queue), Mistakes(table, finalizer_queue)
    # The records of an event all come from one queue.
    source = event["Records"][0]["eventSourceARN"].rsplit(":", 1)[-1]
    queue = chunk_queue if chunk_queue.url.endswith(f"/{source}") else batcher_queue

    def handle(record: SQSRecord) -> None:
        logger.warning("dead letter", message_id=record.message_id, source=record.event_source_arn)
        if queue is chunk_queue:
            if message := chunk_in(record):
                with mistakes.end_the_batch(message.key.batch, f"dead letter of chunk {message.key.seq}", clock):
                    letters.chunk(message, clock)
            return
        body = parse_json(record.body)
        if segment := SegmentMessage.find(body):
            with mistakes.end_the_batch(segment.key, f"dead letter of segment {segment.number}", clock):
                letters.segment(segment, clock)
        else:
            with mistakes.end_the_batch(BatchKey.of_request(body, record.message_id), "dead letter", clock):
                letters.request(body, record.message_id, clock)

    response = process_records(event, queue, handle)
    finished.close_or_count_mistake(mistakes)
    return response
