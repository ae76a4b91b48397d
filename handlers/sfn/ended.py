"""Executions that ended without their finalizer, or that EventBridge could not even start: their batches end too."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError

from handlers.batch import Status
from handlers.clock import Clock
from handlers.events import PublishFailed
from handlers.sfn.batcher import publish_skipped
from handlers.sfn.counting import CountsDoNotAddUp
from handlers.sfn.finishing import Finisher, NotYetAnnounced
from handlers.sfn.map_runs import THREADS
from handlers.sfn.objects import BatchObjects, Made, Started
from handlers.sfn.redrive import OutOfTime
from handlers.sfn.starting import Execution, RequestRefused, Starter
from handlers.telemetry import logger

STATUS_OF = {"ABORTED": Status.CANCELLED, "TIMED_OUT": Status.EXPIRED, "FAILED": Status.FAILED}
# What the state machine's Refused state fails with.
REFUSED = "RequestRefused"
SWEEP_BACK = timedelta(days=2)
LONGEST_EXECUTION = timedelta(days=16)
LOOK_AGAIN = (NotYetAnnounced, CountsDoNotAddUp, OutOfTime, PublishFailed, ClientError)


class Ended:
    """`states` is boto3's client for Step Functions. `settle` is how long functions work on for an ended execution."""

    def __init__(self, states, starter: Starter, finisher: Finisher, settle: timedelta):
        self.states = states
        self.settle = settle
        self.starter = starter
        self.finisher = finisher

    def finish(self, execution: Mapping[str, Any], clock: Clock) -> dict | None:
        """End the batch of an execution that FAILED, TIMED_OUT or was ABORTED, as DescribeExecution tells of it.

        None: it ran no batch. Raises what Finisher.finish raises.
        """
        if execution.get("error") == REFUSED:
            return None
        started_at = round(execution["startDate"].timestamp() * 1000)
        asked = json.loads(execution["input"])
        own = Execution(execution["executionArn"], execution["name"], started_at)
        cause = " ".join(filter(None, (execution.get("error"), execution.get("cause"))))
        reason = f"execution {execution['status']}" + (f": {cause}" if cause else "")
        return self.finish_as(STATUS_OF[execution["status"]], reason, asked, own, clock)

    def finish_as(
        self, status: Status, reason: str, asked: object, execution: Execution, clock: Clock
    ) -> dict | None:  # fmt: skip
        """End the batch that `execution` runs, or would have: who never said so says it now. None: it runs none."""
        try:
            objects, started = self.starter.start(asked, execution)
        except RequestRefused:
            return None
        if started.execution_arn != execution.arn:
            return None
        if started.running:
            publish_skipped(self.finisher.events, objects, started)
            return None
        if objects.is_notified():
            return None
        made = objects.find_made() or unmade(objects, started)
        map_run_arn = self.finisher.map_runs.of(execution.arn)
        return self.finisher.finish(objects, made, map_run_arn, clock, status, reason)

    def finish_undelivered(self, asked: dict, sent_at: int, cause: str, clock: Clock) -> dict | None:
        """End the batch of a schedule's event that EventBridge could not start an execution with.

        None: an execution was started all the same.
        """
        nobody = Execution("", asked["id"], sent_at)
        objects, started = self.starter.start(asked, nobody)
        if started.execution_arn:
            return None
        started = replace(started, reason=f"EventBridge could not start its execution: {cause}")
        made = unmade(objects, started)
        return self.finisher.finish(objects, made, None, clock, Status.FAILED, started.reason)

    def sweep(self, state_machine_arn: str, clock: Clock) -> None:
        """End what no event told of: those come on a best-effort basis. One that cannot be ended stops no other."""
        now = datetime.now(UTC)

        def end(execution: dict) -> None:
            try:
                self.finish(self.states.describe_execution(executionArn=execution["executionArn"]), clock)
            except LOOK_AGAIN:
                logger.exception("not swept, the next sweep tries again", execution_arn=execution["executionArn"])

        listed = self._ended_since(state_machine_arn, now - LONGEST_EXECUTION)
        due = (one for one in listed if now - SWEEP_BACK < one["stopDate"] < now - self.settle)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(end, due))

    def _ended_since(self, state_machine_arn: str, start: datetime) -> Iterator[dict]:
        """Executions that ended without their finalizer and were started after `start`."""
        for status in STATUS_OF:
            pages = self.states.get_paginator("list_executions").paginate(
                stateMachineArn=state_machine_arn, statusFilter=status
            )
            found = (execution for page in pages for execution in page["executions"])
            yield from takewhile(lambda one: one["startDate"] > start, found)


def unmade(objects: BatchObjects, started: Started) -> Made:
    """A batch whose batcher never got through: all that is known of its items is what was to be run."""
    request = started.request
    items = 0 if request is None or request.input else request.items
    if objects.generation > 1:
        ending = objects.of_generation(objects.generation - 1).find_ending()
        items = ending[0]["detail"]["failed"] + ending[0]["detail"]["remaining"] if ending else 0
    return Made(
        batch_id=objects.batch_id,
        generation=objects.generation,
        started_at=started.started_at,
        items=items,
        chunks=0,
        smallest_chunk=0,
        last_chunk=0,
        tolerated_failure_percentage=request.tolerated_failure_percentage if request else 0,
        reason=started.reason,
    )
