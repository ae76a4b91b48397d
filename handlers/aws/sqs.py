"""SQS: sends messages in full batches, and handles received ones so that a bad message never returns its neighbours."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws import Client
from handlers.aws.backoff import TRIES, back_off
from handlers.aws.errors import ServiceUnavailable
from handlers.aws.telemetry import logger
from handlers.core.json_text import JsonObject, utf8_bytes

MAX_BATCH_MESSAGES = 10
MAX_BATCH_BYTES = 1024 * 1024
MAX_VISIBILITY_SECONDS = 12 * 3600
LONGEST_BACK_OFF = 300


class SqsEvent(TypedDict):
    """The event of an SQS event source. SQSRecord wraps one record."""

    Records: list[JsonObject]


# The messages that the event source must not delete.
type SqsResponse = PartialItemFailureResponse


class QueueUnavailable(ServiceUnavailable):
    """SQS refused messages after every retry."""


class ReturnMessage(Exception):
    """Control flow, no error: the message returns to its queue and is visible again after `seconds`."""

    def __init__(self, seconds: float):
        super().__init__(f"again in {seconds:.0f} s")
        self.seconds = seconds


@dataclass
class Queue:
    """One SQS queue."""

    client: Client
    url: str

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Send one message."""
        self.client.send_message(QueueUrl=self.url, MessageBody=body, DelaySeconds=delay_seconds)

    def send_all(self, bodies: Iterable[str]) -> None:
        """Send messages in as few calls as SQS allows. Raises QueueUnavailable."""
        for group in full_batches(bodies):
            entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(group)]
            for attempt in range(TRIES):
                answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
                refused = {failure["Id"] for failure in answer.get("Failed", [])}
                entries = [entry for entry in entries if entry["Id"] in refused]
                if not entries:
                    break
                back_off(attempt)
            else:
                raise QueueUnavailable(f"{len(entries)} messages refused by {self.url} after {TRIES} tries")

    def return_after(self, receipt_handle: str, seconds: float) -> None:
        """Make a received message visible again after `seconds`. The invocation must report the message as failed."""
        self.client.change_message_visibility(
            QueueUrl=self.url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=max(0, min(MAX_VISIBILITY_SECONDS, round(seconds))),
        )


def full_batches[Body](bodies: Iterable[Body], bytes_of: Callable[[Any], int] = utf8_bytes) -> Iterator[list[Body]]:
    """Group bodies into batches of at most ten messages and 1 MiB together."""
    group: list[Body] = []
    size = 0
    for body in bodies:
        length = bytes_of(body)
        if group and (len(group) == MAX_BATCH_MESSAGES or size + length > MAX_BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(body)
        size += length
    if group:
        yield group


def process_records(
    event: SqsEvent, queue: Queue, handle: Callable[[SQSRecord], None], longest: float = LONGEST_BACK_OFF
) -> SqsResponse:
    """Call `handle` for every record of the event and report the records that raised. Raises nothing.

    ReturnMessage returns the message after its seconds. Any other error is logged, and the message becomes visible
    again after 2^receives seconds, at most `longest`: the queue's visibility timeout is sized for crashed invocations
    and would be far too long. An error out of the function would make Lambda lower the event source's throughput.
    """

    def handle_record(record: SQSRecord) -> None:
        try:
            handle(record)
        except ReturnMessage as back:
            queue.return_after(record.receipt_handle, back.seconds)
            raise
        except Exception:
            seconds = min(longest, 2 ** int(record.attributes.approximate_receive_count))
            logger.exception("message failed, is redelivered", message_id=record.message_id, seconds=seconds)
            queue.return_after(record.receipt_handle, seconds)
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(dict(event), handle_record, processor)
