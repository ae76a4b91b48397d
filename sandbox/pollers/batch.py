"""Lambda's decisions about a batch of SQS messages. Pure."""

import json
from collections.abc import Iterator

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of an invocation's payload: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

_ENVELOPE = len('{"Records": []}')


def payloads(encoded: list[str]) -> Iterator[tuple[int, int]]:
    """Ranges (start, end) of the `encoded` records that fit into one invocation each, in order."""
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
    """The messages of a batch that a function with `ReportBatchItemFailures` reports as failed.

    All messages failed if AWS does not understand the response: it is not JSON, or an `itemIdentifier` is missing,
    empty, null or not in the batch. None failed if `batchItemFailures` is missing, empty or null.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        answer = (json.loads(response) if response else None) or {}
        identifiers = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
    except (ValueError, AttributeError, KeyError, TypeError):  # no JSON, no object, no field, no list
        return message_ids
    return identifiers if identifiers <= message_ids else message_ids
