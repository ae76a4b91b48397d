"""Sending messages in full batches, and handing one back."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from handlers.aws.backoff import TRIES, back_off
from handlers.aws.errors import ServiceUnavailable
from handlers.core.json_text import utf8_bytes

MAX_BATCH_MESSAGES = 10
MAX_BATCH_BYTES = 1024 * 1024
MAX_VISIBILITY_SECONDS = 12 * 3600


class QueueUnavailable(ServiceUnavailable):
    """SQS refused messages after every retry."""


class Queue:
    """One SQS queue. `client` is boto3's."""

    def __init__(self, client, url: str):
        self.client = client
        self.url = url

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
        """Make a received message visible again after `seconds`, for the invocation that reports it as failed."""
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
