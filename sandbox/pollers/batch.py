"""What Lambda decides about a batch of SQS messages, without calling anything."""

import json
from collections.abc import Iterator
from typing import Any

from localstack.utils.json import BytesEncoder

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of an invocation's payload: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_ENVELOPE = len('{"Records": []}')


def encode(records: list[dict[str, Any]]) -> list[str]:
    """Each record as the JSON text in which the function receives it."""
    return [json.dumps(record, cls=BytesEncoder) for record in records]


def payloads(encoded: list[str]) -> Iterator[tuple[int, int]]:
    """Ranges (start, end) of `encoded` records that fit into one invocation each; their order is kept."""
    start, size = 0, _ENVELOPE
    for index, text in enumerate(encoded):
        length = len(text) + len(", ")
        if index > start and size + length > PAYLOAD_LIMIT:
            yield start, index
            start, size = index, _ENVELOPE
        size += length
    if encoded:
        yield start, len(encoded)


def failed_ids(response: bytes, message_ids: set[str]) -> set[str]:
    """The messages of a batch that a `ReportBatchItemFailures` function wants to see again.

    All of them when the response is not what AWS understands: not JSON, no `itemIdentifier`, an empty or a null one,
    or one that is not in the batch. None when there is no `batchItemFailures`, or an empty or a null one.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        answer = json.loads(response) if response else None
    except ValueError:
        return message_ids
    if not answer:
        return set()
    if not isinstance(answer, dict):
        return message_ids
    failures = answer.get("batchItemFailures") or []
    if not isinstance(failures, list):
        return message_ids
    failed = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in message_ids:
            return message_ids
        failed.add(identifier)
    return failed
