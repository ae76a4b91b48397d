"""The small messages between the functions: segments for the batcher, checks and nudges for the finalizer."""

import json
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws.telemetry import logger
from handlers.sqs.records import BatchKey, ChunkMessage, loads


@dataclass(frozen=True)
class SegmentMessage:
    """Make this segment of the batch."""

    key: BatchKey
    number: int

    def body(self) -> str:
        return json.dumps({"segment": {**self.key.to_json(), "number": self.number}})

    @classmethod
    def find(cls, body: Any) -> "SegmentMessage | None":
        """The message in JSON form, or None when `body` is something else."""
        try:
            return cls(BatchKey.from_json(body["segment"]), int(body["segment"]["number"]))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True)
class FinalizerMessage:
    """Look at this batch: a `check` stays in the queue as the batch's timer, a nudge is used up.

    `drained_at` says when the sender's last chunk record was deleted, in milliseconds since 1970.
    """

    key: BatchKey
    check: bool
    drained_at: int | None = None

    def body(self) -> str:
        value = {**self.key.to_json(), "drainedAt": self.drained_at}
        return json.dumps({"check" if self.check else "nudge": value})

    @classmethod
    def parse(cls, text: str) -> "FinalizerMessage":
        """Raises KeyError, TypeError or ValueError when `text` is no such message."""
        body = loads(text)
        value = body["check"] if "check" in body else body["nudge"]
        return cls(BatchKey.from_json(value), "check" in body, value.get("drainedAt"))


def chunk_in(record: SQSRecord) -> ChunkMessage | None:
    """The chunk in a message; None where a stranger has sent something else, which is dropped."""
    try:
        return ChunkMessage.parse(record.body)
    except (ValueError, KeyError, TypeError) as stranger:
        logger.error("not a chunk, dropped", message_id=record.message_id, reason=repr(stranger))
        return None
