"""The billing units of one call of SQS, S3 or EventBridge. Pure."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.meter.ledger import Unit
from sandbox.meter.rules import sqs_requests

EVENT_STEP_BYTES = 64 * 1024
EVENT_TIME_BYTES = 14


def sqs_units(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Unit]:
    """Every action that SQS answered is a request, of up to ten messages with a batch action.

    A receive that returned nothing is counted as an operation of its own.
    """
    size = 0
    if operation == "SendMessage":
        size = _message_bytes(request["MessageBody"], request.get("MessageAttributes"))
    elif operation == "SendMessageBatch":
        size = sum(_message_bytes(sent["MessageBody"], sent.get("MessageAttributes")) for sent in request["Entries"])
    elif operation == "ReceiveMessage":
        messages: Iterable[Mapping[str, Any]] = answer.get("Messages") or ()
        size = sum(_message_bytes(message["Body"], message.get("MessageAttributes")) for message in messages)
        if not messages:
            operation = "ReceiveMessage:empty"
    fifo = str(request.get("QueueUrl") or request.get("QueueName")).endswith(".fifo")
    return [Unit("sqs.fifo_requests" if fifo else "sqs.requests", operation, sqs_requests(size))]


def _message_bytes(body: str, attributes: Mapping[str, Any] | None) -> int:
    """Body and attributes: names, types and values.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    size = len(body) if body.isascii() else len(body.encode())
    for name, attribute in (attributes or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or b""
        size += len(name.encode()) + len(attribute["DataType"].encode())
        size += len(value if isinstance(value, bytes) else value.encode())
    return size


def s3_units(operation: str, method: str) -> list[Unit]:
    """PUT, COPY, POST and LIST are one class, DELETE is free, all others are a second class; `method` is HTTP's.

    https://aws.amazon.com/s3/pricing/
    """
    if method == "DELETE" or operation == "DeleteObjects":
        return [Unit("s3.deletes", operation, 1)]
    costly = method in ("PUT", "POST") or operation.startswith("List")
    return [Unit("s3.puts" if costly else "s3.gets", operation, 1)]


def s3_bills(status: int) -> bool:
    """Whether S3 bills a request with this status: also a client's error, but no server error, such as 503 Slow Down.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ErrorCodeBilling.html
    """
    return status < 500


def events_units(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Unit]:
    """PutEvents is a published event for each 64 KB of each entry. Refused entries and AWS's own events are free.

    https://aws.amazon.com/eventbridge/pricing/
    """
    if operation != "PutEvents":
        return []
    outcomes = answer.get("Entries") or ()
    published = sum(
        max(1, math.ceil(entry_bytes(entry) / EVENT_STEP_BYTES))
        for entry, outcome in zip(request["Entries"], outcomes, strict=False)
        if "ErrorCode" not in outcome and not str(entry.get("Source")).startswith("aws.")
    )
    return [Unit("events.published", operation, published)] if published else []


def entry_bytes(entry: Mapping[str, Any]) -> int:
    """The size of an event's entry: the UTF-8 of its texts, and 14 bytes if it has a time.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return sum(len(text.encode()) for text in texts if text) + (EVENT_TIME_BYTES if entry.get("Time") else 0)
