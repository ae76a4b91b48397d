"""What a call of SQS is billed as: every action is a request, of up to ten messages with a batch action."""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.meter.ledger import Unit
from sandbox.meter.rules import sqs_requests


def units(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Unit]:
    """The units of one call that SQS answered. A receive that returned nothing is an operation of its own."""
    size = 0
    if operation == "SendMessage":
        size = _size(request["MessageBody"], request.get("MessageAttributes"))
    elif operation == "SendMessageBatch":
        size = sum(_size(each["MessageBody"], each.get("MessageAttributes")) for each in request["Entries"])
    elif operation == "ReceiveMessage":
        messages: Iterable[Mapping[str, Any]] = answer.get("Messages") or ()
        size = sum(_size(each["Body"], each.get("MessageAttributes")) for each in messages)
        if not messages:
            operation = "ReceiveMessage:empty"
    fifo = str(request.get("QueueUrl") or request.get("QueueName")).endswith(".fifo")
    return [Unit("sqs.fifo_requests" if fifo else "sqs.requests", operation, sqs_requests(size))]


def _size(body: str, attributes: Mapping[str, Any] | None) -> int:
    """Body and attributes: names, types and values.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    size = len(body) if body.isascii() else len(body.encode())
    for name, attribute in (attributes or {}).items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or b""
        size += len(name.encode()) + len(attribute["DataType"].encode())
        size += len(value if isinstance(value, bytes) else value.encode())
    return size
