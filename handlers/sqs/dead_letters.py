"""Dead-letter handler: what a queue has given up is settled here, so that no message ends in silence."""

import functools

import boto3

from handlers.aws import settings
from handlers.aws.partial import HandBack, process_records
from handlers.aws.queues import Queue
from handlers.aws.telemetry import logger
from handlers.core.clock import Clock
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import FinalizerMessage, SegmentMessage, chunk_in
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import BatchKey, ChunkMessage, Claim, Held
from handlers.sqs.refusal import refuse
from handlers.sqs.start import parse_json
from handlers.sqs.table import BatchTable


class DeadLetters:
    """Settles the dead letters of the chunk queue and of the batcher's queue."""

    def __init__(self, table: BatchTable, finished: FinishedChunks, finalizer_queue: Queue):
        self.table = table
        self.finished = finished
        self.finalizer_queue = finalizer_queue

    def chunk(self, message: ChunkMessage, clock: Clock) -> None:
        """Fail what is pending of a chunk. Raises HandBack while a processor still holds it."""
        claim = self.table.claim_chunk(message.key, clock.now(), clock.lease(), attempts_used=message.max_attempts)
        if isinstance(claim, Held):
            self.finished.left_behind(message.key)
            raise HandBack((claim.lease_until - clock.now()) / 1000 + 1)
        if isinstance(claim, Claim):
            self.finished.give_up(claim, message)
        else:
            self.finished.found_gone(message.key)

    def segment(self, message: SegmentMessage, clock: Clock) -> None:
        """End the batch early: nobody will make its missing chunks."""
        reason = f"segment {message.number} was given up: its batcher failed again and again"
        self.table.give_up(message.key, message.number, reason, clock.now())
        self.finalizer_queue.send(FinalizerMessage(message.key, check=False).body())

    def request(self, asked: object, message_id: str, clock: Clock) -> None:
        """End a batch that could not be started."""
        key = BatchKey.of_request(asked, message_id)
        self.finalizer_queue.send(FinalizerMessage(key, check=True).body())
        refuse(
            self.table,
            self.finalizer_queue,
            key,
            "its request was given up: the batcher failed again and again",
            clock.now(),
        )


@functools.cache
def connections() -> tuple[BatchTable, Queue, Queue, Queue]:
    """This function's table, the dead-letter queues of the chunks and of the batcher, and the finalizer's queue."""
    sqs = boto3.client("sqs")
    return (
        BatchTable(boto3.client("dynamodb"), settings.text("TABLE_NAME")),
        Queue(sqs, settings.text("CHUNK_DEAD_LETTER_QUEUE_URL")),
        Queue(sqs, settings.text("BATCHER_DEAD_LETTER_QUEUE_URL")),
        Queue(sqs, settings.text("FINALIZER_QUEUE_URL")),
    )


def handler(event: dict, context) -> dict:
    """Lambda entry: messages of one of the dead-letter queues."""
    table, chunk_queue, batcher_queue, finalizer_queue = connections()
    clock = Clock(context)
    finished = FinishedChunks(table, finalizer_queue, clock)
    letters, mistakes = DeadLetters(table, finished, finalizer_queue), Mistakes(table, finalizer_queue)
    # An event source delivers from one queue at a time.
    source = event["Records"][0]["eventSourceARN"].rsplit(":", 1)[-1]
    queue = chunk_queue if chunk_queue.url.endswith(f"/{source}") else batcher_queue

    def handle(record) -> None:
        logger.warning("dead letter", message_id=record.message_id, source=record.event_source_arn)
        if queue is chunk_queue:
            if message := chunk_in(record):
                with mistakes.end_the_batch(message.key.batch, f"dead letter of chunk {message.key.seq}", clock):
                    letters.chunk(message, clock)
            return
        asked = parse_json(record.body)
        if segment := SegmentMessage.find(asked):
            with mistakes.end_the_batch(segment.key, f"dead letter of segment {segment.number}", clock):
                letters.segment(segment, clock)
        else:
            with mistakes.end_the_batch(BatchKey.of_request(asked, record.message_id), "dead letter", clock):
                letters.request(asked, record.message_id, clock)

    response = process_records(event, context, queue, handle)
    finished.close_or_tell(mistakes)
    return response
