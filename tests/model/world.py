"""Everything outside the Lambda functions: time, the table, the queues, the event bus, and the witness of the work.

A world carries out one call at a time and tells its guarantees about it. It can be copied, and two worlds in which the
same may happen have the same `state()`.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.model import dynamodb, queues
from tests.model.guarantees import Guarantees, demand
from tests.model.queues import Message

START = 1_800_000_000_000


class Call(NamedTuple):
    """What a function asks of the world: `service` is AWS's, or source (delete a message), or work."""

    service: str
    operation: str
    asked: dict


@dataclass(frozen=True)
class Scale:
    """How big and how long everything is: small, so that every corner is reached. Times in seconds."""

    items: int = 4
    items_per_chunk: int = 2
    chunks_per_segment: int = 10
    max_items: int = 1_000_000
    chunks_per_window: int = 2
    shards: int = 1
    max_attempts: int = 2
    deadline: int = 3600
    function_timeout: int = 60
    check_interval: int = 60
    stall_after: int = 900
    retry_delay: int = 10
    page_size: int = 2
    chunks_per_invocation: int = 2
    tolerated_failures: int = 0
    fail_rate: float = 0.0
    overlap: str = "allow"
    # The protocol asks only whether a message was received before.
    receives_counted: int = 1000

    @property
    def visibility(self) -> int:
        return 6 * self.function_timeout


@dataclass
class World:
    """The world of one run; `now` in milliseconds since 1970."""

    scale: Scale
    guarantees: Guarantees = field(default_factory=Guarantees)
    now: int = START
    records: dynamodb.Snapshot = field(default_factory=dynamodb.Snapshot)
    # As the table was before the last write: what an eventually consistent read may still see.
    before: dynamodb.Snapshot = field(default_factory=dynamodb.Snapshot)
    messages: queues.Queues = field(default_factory=dict)
    units: dict[str, float] = field(default_factory=lambda: {"write": 0.0, "read": 0.0})

    def copy(self) -> "World":
        """A world of its own in the same state."""
        return World(self.scale, self.guarantees.copy(), self.now, self.records, self.before, dict(self.messages))

    def state(self) -> tuple:
        """Hashable; the same for worlds in which the same may happen from now on."""
        return self.now, self.records.content, frozenset(self.messages.values()), self.guarantees.state()

    def carry_out(self, call: Call, invocation: int, stale: bool = False) -> Any:
        """Let `call` take effect. Raises what the service raises; Violation when a guarantee is broken by it."""
        if call.service == "dynamodb":
            return self._on_table(call, invocation, stale)
        if call.service == "sqs":
            if call.operation in queues.SENDS:
                self.guarantees.sent(queues.queue_of(call.asked["QueueUrl"]), call.asked["MessageBody"])
            return queues.execute(self.messages, call.operation, call.asked, self.now)
        if call.service == "lambda":
            demand(call.asked["chain"] < queues.LOOP_STOP, "G2", "Lambda stops the batcher: it has invoked itself")
            return self._invoke(call)
        if call.service == "events":
            (entry,) = call.asked["Entries"]
            self.guarantees.published(entry["DetailType"], json.loads(entry["Detail"]), invocation)
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "model"}]}
        if call.service == "source":
            self.messages.pop(call.asked["message"], None)
            return None
        self.guarantees.processed(call.asked["item"], invocation, self.records, self.now)
        return None

    def _invoke(self, call: Call) -> dict:
        """Put an event in Lambda's queue, unless an equal one waits there: two say what one says."""
        waiting = {m.body for m in self.messages.values() if m.queue == queues.BATCHER and not m.receives}
        if call.asked["Payload"].decode() not in waiting:
            queues.execute(self.messages, call.operation, call.asked, self.now)
        return {"StatusCode": 202}

    def _on_table(self, call: Call, invocation: int, stale: bool) -> dict:
        reads = call.operation in ("GetItem", "Query")
        consistent = bool(call.asked.get("ConsistentRead"))
        self.units["read" if reads else "write"] += 0.5 if reads and not consistent else 1
        if reads:
            seen = self.before if stale and not consistent else self.records
            return dynamodb.execute(seen, call.operation, call.asked, self.scale.page_size)
        after = dynamodb.Snapshot(self.records)
        answer = dynamodb.execute(after, call.operation, call.asked, self.scale.page_size)
        self.before, self.records = self.records, after
        for key in after.keys() | self.before.keys():
            if after.get(key) is not self.before.get(key):
                self.guarantees.written(key, self.before.get(key), after.get(key), invocation, self.now)
        return answer

    def send(self, queue: str, body: str) -> None:
        """From outside: a request, or a schedule's event."""
        queues.execute(self.messages, "SendMessage", {"QueueUrl": queues.url_of(queue), "MessageBody": body}, self.now)

    def visible(self, queue: str | None = None) -> list[Message]:
        """The messages that may be received now."""
        return sorted(m for m in self.messages.values() if m.visible_at <= self.now and queue in (None, m.queue))

    def receive(self, messages: list[Message]) -> list[Message]:
        """Take messages from their queue for as long as its visibility timeout."""
        taken = [
            m._replace(
                receives=min(m.receives + 1, max(queues.TRIES, self.scale.receives_counted)),
                visible_at=self.now + self.scale.visibility * 1000,
            )
            for m in messages
        ]
        self.messages |= {(m.queue, m.message_id): m for m in taken}
        return taken

    def duplicate(self, message: Message, seconds: int = 0) -> None:
        """Deliver the message once more, whatever becomes of it: SQS promises at least once."""
        asked = {"QueueUrl": queues.url_of(message.queue), "MessageBody": message.body, "DelaySeconds": seconds}
        queues.execute(self.messages, "SendMessage", asked, self.now)

    def failed(self, event: Message) -> None:
        """An asynchronous invocation has failed: Lambda tries again later, or gives its event up."""
        tried = self.messages.get((event.queue, event.message_id))
        if tried and tried.receives < queues.TRIES:
            later = self.now + tried.receives * queues.RETRY_SECONDS * 1000
            self.messages[event.queue, event.message_id] = tried._replace(visible_at=later)
        elif tried:
            self.give_up(tried)

    def give_up(self, event: Message) -> None:
        """Lambda gives an event up, and its OnFailure destination gets the record."""
        del self.messages[event.queue, event.message_id]
        self.send(queues.FINALIZER, queues.record_of(event, "the model's"))
