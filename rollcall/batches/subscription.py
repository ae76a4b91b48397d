"""Receives a batch's Batch Finished event through a temporary queue on the event bus."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from rollcall.target.connection import Connection

# The longest that SQS has: a sandbox's clock may jump by days before this process receives the event.
RETENTION_SECONDS = "1209600"


@dataclass(frozen=True)
class Arrival:
    """A Batch Finished event: its detail, and the time of its arrival in milliseconds since 1970."""

    detail: dict[str, Any]
    arrived_at: int


class Subscription:
    """The queue that receives the Batch Finished event of one generation of a batch, or those of all batches."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self.url = queue_url

    def wait(self, seconds: int) -> Arrival | None:
        """Wait up to `seconds` (0 to 20) for the event."""
        answer = self._sqs.receive_message(
            QueueUrl=self.url, WaitTimeSeconds=seconds, MessageSystemAttributeNames=["SentTimestamp"]
        )
        for message in answer.get("Messages", []):
            return Arrival(json.loads(message["Body"])["detail"], int(message["Attributes"]["SentTimestamp"]))
        return None


def subscribed(
    connection: Connection, event_bus: str, batch_id: str, generation: int = 1
) -> AbstractContextManager[Subscription]:
    """A queue and a rule for one generation's event, which are deleted at the end."""
    batch = {"batchId": [batch_id], "generation": [generation]}
    return listening(connection, event_bus, every_batch() | {"detail": batch})


def every_batch() -> dict[str, Any]:
    """The pattern of the Batch Finished events of all batches."""
    return {"source": ["rollcall"], "detail-type": ["Batch Finished"]}


@contextmanager
def listening(connection: Connection, event_bus: str, pattern: Mapping[str, Any]) -> Iterator[Subscription]:
    """Create a queue and a rule for the events of a pattern, and delete both at the end."""
    sqs, events = connection.client("sqs"), connection.client("events")
    name = f"rollcall-run-{uuid.uuid4().hex[:12]}"
    rule = {"Name": name, "EventBusName": event_bus}
    with ExitStack() as undo:
        rule_arn = events.put_rule(**rule, EventPattern=json.dumps(pattern))["RuleArn"]
        undo.callback(events.delete_rule, **rule)
        attributes = {"MessageRetentionPeriod": RETENTION_SECONDS}
        queue_url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        undo.callback(sqs.delete_queue, QueueUrl=queue_url)
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps(delivery_policy(queue_arn, rule_arn))
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
        events.put_targets(Rule=name, EventBusName=event_bus, Targets=[{"Id": "queue", "Arn": queue_arn}])
        undo.callback(events.remove_targets, Rule=name, EventBusName=event_bus, Ids=["queue"])
        yield Subscription(sqs, queue_url)


def delivery_policy(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    """The queue's policy: only this rule of EventBridge may send to it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
