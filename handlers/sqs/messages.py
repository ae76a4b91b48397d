"""What the functions tell one another: chunks for the processor, lanes for the batcher, checks and nudges."""

import json
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from handlers.aws.telemetry import logger
from handlers.core.batch import BatchRequest, is_scheduled
from handlers.core.json_text import Item, JsonObject
from handlers.sqs.records import BatchKey, ChunkKey


@dataclass(frozen=True)
class ChunkMessage:
    """Process this chunk. The chunk queue holds these messages."""

    key: ChunkKey
    item_concurrency: int
    max_attempts: int
    deadline: int
    items: list[Item] = field(default_factory=list)

    @classmethod
    def parse(cls, body: str) -> "ChunkMessage":
        """Raises ValueError, KeyError or TypeError if `body` is no such message."""
        value = loads(body)
        return cls(
            key=ChunkKey(BatchKey.from_json(value), int(value["shard"]), int(value["seq"])),
            item_concurrency=int(value["itemConcurrency"]),
            max_attempts=int(value["maxAttempts"]),
            deadline=int(value["deadline"]),
            items=list(value["items"]),
        )


@dataclass(frozen=True)
class Lane:
    """Make the segments of this lane of the batch. The batcher is invoked with a lane, or with a request.

    `rounds`: how many batchers before this one, each invoked by the one before, have run out of time over the lane.
    """

    key: BatchKey
    number: int = 0
    rounds: int = 0

    def event(self) -> JsonObject:
        """The event with which the batcher is invoked."""
        return {"lane": {**self.key.to_json(), "number": self.number, "rounds": self.rounds}}

    @classmethod
    def find(cls, event: Any) -> "Lane | None":
        """The lane in an event; None if the event is something else, such as a request."""
        try:
            lane = event["lane"]
            return cls(BatchKey.from_json(lane), int(lane["number"]), int(lane["rounds"]))
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True)
class FinalizerMessage:
    """Check this batch. A `check` stays in the queue as the batch's timer; a nudge is used up.

    `drained_at` is the time at which the sender's last chunk record was deleted, in milliseconds since 1970.
    """

    key: BatchKey
    check: bool
    drained_at: int | None = None

    def body(self) -> str:
        value = {**self.key.to_json(), "drainedAt": self.drained_at}
        return json.dumps({"check" if self.check else "nudge": value})

    @classmethod
    def parse(cls, body: Any) -> "FinalizerMessage":
        """The message in JSON form. Raises KeyError, TypeError or ValueError if `body` is no such message."""
        value = body["check"] if "check" in body else body["nudge"]
        return cls(BatchKey.from_json(value), "check" in body, value.get("drainedAt"))


@dataclass(frozen=True)
class GivenUp:
    """An event that never got through to the batcher. The finalizer's queue gets it.

    Lambda sends it in a record, with the cause, once it has tried three times or for six hours:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    EventBridge sends the event itself, if it could not deliver it:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """

    event: Any
    request_id: str
    cause: str

    @classmethod
    def find(cls, body: Any, message_id: str) -> "GivenUp | None":
        """The event in a message; None if the message is something else."""
        if is_scheduled(body):
            return cls(body, message_id, "EventBridge could not deliver it")
        try:
            context, answer = body["requestContext"], body.get("responsePayload") or {}
            cause = answer.get("errorMessage") or context["condition"]
            return cls(body["requestPayload"], str(context["requestId"]), str(cause))
        except (AttributeError, KeyError, TypeError):
            return None


def chunk_body(key: ChunkKey, request: BatchRequest, deadline: int, items: list[str]) -> str:
    """The body of a chunk's message. `items` are JSON texts, which are not parsed again."""
    place = {**key.batch.to_json(), "shard": key.shard, "seq": key.seq}
    limits = {"itemConcurrency": request.item_concurrency, "maxAttempts": request.max_attempts, "deadline": deadline}
    head = json.dumps(place | limits, separators=(",", ":"))
    return f'{head[:-1]},"items":[{",".join(items)}]}}'


def chunk_in(record: SQSRecord) -> ChunkMessage | None:
    """The chunk in a message; None if the message is something else. Such a message is dropped."""
    try:
        return ChunkMessage.parse(record.body)
    except (ValueError, KeyError, TypeError) as error:
        logger.error("not a chunk, dropped", message_id=record.message_id, reason=repr(error))
        return None


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, also if the value is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
