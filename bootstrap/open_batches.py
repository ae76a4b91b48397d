"""The batches of a stack that have not ended: which they are, and how all of them are ended at once.

`rollcall cancel` ends one. A stack that is deleted ends all of its own: its queues, tables and functions go with it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from bootstrap.aws import Session
from bootstrap.stacks import Description, outputs_of, parameters_of
from handlers.aws.bucket_owner import expecting
from handlers.core.batch import InvalidRequest, Status, batch_id_or, generation_of
from handlers.sfn.express import LIMIT_SECONDS
from handlers.sfn.store import BatchObjects
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey
from handlers.sqs.table import BatchTable

# So many of the batches started last are looked at.
LOOKED_AT = 1000
# For the finalizer, which may be late.
FINALIZER_SECONDS = 60.0
WAITING = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class OpenBatches(Protocol):
    """The batches of one stack that have not ended. `seconds` is how long their end takes at most."""

    seconds: float

    def find(self) -> list[str]:
        """The ids of the batches whose Batch Finished has not been published, and what waits to become a batch."""
        ...

    def cancel(self) -> None:
        """End all of them CANCELLED. Chunks in progress are finished."""
        ...


def open_batches(session: Session, described: Description) -> OpenBatches:
    """The open batches of one of our stacks."""
    outputs, parameters = outputs_of(described), parameters_of(described)
    seconds = float(parameters["ProcessorTimeout"]) + FINALIZER_SECONDS
    if "StateMachineArn" in outputs:
        return SfnOpenBatches(
            session, outputs, seconds + (LIMIT_SECONDS if parameters["ChildType"] == "EXPRESS" else 0)
        )
    return SqsOpenBatches(session, outputs, seconds)


class SqsOpenBatches:
    """See OpenBatches."""

    def __init__(self, session: Session, outputs: Mapping[str, str], seconds: float) -> None:
        self.seconds = seconds
        self._sqs = session.client("sqs")
        self._checks = outputs["FinalizerQueueUrl"]
        self._table = BatchTable(session.client("dynamodb"), outputs["TableName"])

    def find(self) -> list[str]:
        # A request that Lambda still keeps for the batcher is no batch yet, and nothing tells of it.
        return [batch.batch_id for batch in self._table.recent(LOOKED_AT) if not batch.notified]

    def cancel(self) -> None:
        for batch in self._table.recent(LOOKED_AT):
            if batch.status == Status.OPEN:
                cancel(self._table, self._sqs, self._checks, batch.key, datetime.now(UTC))


def cancel(table: BatchTable, sqs: Any, finalizer_queue: str, key: BatchKey, now: datetime) -> bool:
    """End a batch of the SQS architecture CANCELLED; false if it has ended, or is past its deadline already."""
    cancelled = table.cancel(key, round(now.timestamp() * 1000))
    # Even if it was cancelled before: that command may have died before this line. The batch's own check message
    # may not be due for a while. This one is redelivered until the batch has ended.
    sqs.send_message(QueueUrl=finalizer_queue, MessageBody=FinalizerMessage(key, check=True).body())
    return cancelled


class SfnOpenBatches:
    """See OpenBatches. Executions that it has found stay its own until they are announced, though they ended."""

    def __init__(self, session: Session, outputs: Mapping[str, str], seconds: float) -> None:
        self.seconds = seconds
        self._states, self._sqs = session.client("stepfunctions"), session.client("sqs")
        self._machine, self._bucket = outputs["StateMachineArn"], outputs["BatchBucketName"]
        self._ends = outputs["FinalizerQueueUrl"]
        self._s3 = expecting(session.client("s3"), self._machine.split(":")[4])
        self._found: set[tuple[str, int]] = set()

    def find(self) -> list[str]:
        running = {batch_in(self._states.describe_execution(executionArn=arn)) for arn in self._running()}
        ended = self._found - running
        self._found = running | {batch for batch in ended if not self._objects(*batch).is_notified()}
        ends = waiting(self._sqs, self._ends)
        ids = [batch_id for batch_id, _ in sorted(self._found)]
        return ids + ([f"{ends} ends of executions"] if ends else [])

    def cancel(self) -> None:
        for arn in self._running():
            stop(self._states, arn)

    def _objects(self, batch_id: str, generation: int) -> BatchObjects:
        return BatchObjects(self._s3, self._bucket, batch_id, generation)

    def _running(self) -> Iterator[str]:
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING"
        )
        return (found["executionArn"] for page in pages for found in page["executions"])


def stop(states: Any, execution: str) -> None:
    """End a batch of the Step Functions architecture CANCELLED."""
    states.stop_execution(executionArn=execution, error="Cancelled", cause="by an operator, with rollcall cancel")


def batch_in(execution: Mapping[str, Any]) -> tuple[str, int]:
    """Id and generation of an execution's batch. A batch with an invalid request has them too."""
    request = json.loads(execution["input"])
    try:
        return batch_id_or(request, execution["name"]), generation_of(request)
    except InvalidRequest:
        return execution["name"], 1


def waiting(sqs: Any, queue: str) -> int:
    """About how many messages a queue holds, those in flight and delayed ones included."""
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(WAITING))["Attributes"]
    return sum(int(found[name]) for name in WAITING)
