"""Finalizer: counts what the Map Run did and publishes Batch Finished, once, however the execution ended."""

import functools
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import boto3
from botocore.exceptions import ClientError

from handlers import settings
from handlers.batch import BatchRequest, Ending, InvalidRequest, Status, batch_id_or, final_status
from handlers.clock import Clock
from handlers.events import FINISHED, Events, PublishFailed
from handlers.sfn.batcher import GENERATION, epoch_ms, parse_request
from handlers.sfn.objects import BatchObjects, Made
from handlers.telemetry import log_finished, logger

STATUS_OF = {"ABORTED": Status.CANCELLED, "TIMED_OUT": Status.EXPIRED, "FAILED": Status.FAILED}
# A child that ended so on its own has lost its chunk; where the whole execution was aborted it counts as remaining.
LOST = ("FAILED", "TIMED_OUT", "ABORTED")
SWEEP_BACK = timedelta(days=2)
LONGEST_EXECUTION = timedelta(days=16)


class NotYetAnnounced(Exception):
    """Another finalizer has won this batch and may still publish its event: look again."""


class CountsDoNotAddUp(Exception):
    """The Map Run has ended but does not yet account for every chunk: its counts are eventually consistent."""


class Finalizer:
    """Ends batches. The clients are boto3's."""

    def __init__(self, s3, states, events: Events, bucket: str):
        self.s3 = s3
        self.states = states
        self.events = events
        self.bucket = bucket

    def finish(
        self, made: Made, map_run_arn: str | None, status: Status | None, reason: str | None, clock: Clock
    ) -> dict:
        """End a batch. `status` is given when its execution did not come to its regular end; returns the detail."""
        objects = BatchObjects(self.s3, self.bucket, made.batch_id, made.generation)
        if objects.find_ending() is None:
            ending = self._count(objects, made, map_run_arn, status, reason or made.reason, clock)
            if objects.put_ending(ending.detail(), clock.deadline):
                return self._announce(objects, ending.detail())
        return self._announce_again(objects, clock)

    def _count(
        self, objects: BatchObjects, made: Made, map_run_arn: str | None, status: Status | None, reason: str | None,
        clock: Clock,
    ) -> Ending:  # fmt: skip
        counts = self.states.describe_map_run(mapRunArn=map_run_arn)["itemCounts"] if map_run_arn else {}
        ended = {name: counts.get(name, 0) for name in ("succeeded", "failed", "timedOut", "aborted")}
        if not status and sum(ended.values()) != made.chunks:
            raise CountsDoNotAddUp(f"{sum(ended.values())} of {made.chunks} chunks are accounted for: {counts}")
        if ended["failed"] + ended["timedOut"] + (0 if status else ended["aborted"]):
            self._fail_whole_chunks(objects, map_run_arn, ("FAILED", "TIMED_OUT") if status else LOST)
        failed = sum(objects.failed_by_chunk().values())
        settled = made.items
        if status:
            chunks = ended["succeeded"] + ended["failed"] + ended["timedOut"]
            settled = max(failed, settled_at_least(made, chunks))
        elif reason:
            status = Status.FAILED
        return Ending(
            batch_id=made.batch_id,
            generation=made.generation,
            architecture="sfn",
            status=status or final_status(made.items, failed, made.tolerated_failure_percentage),
            items=made.items,
            succeeded=settled - failed,
            failed=failed,
            remaining=made.items - settled,
            chunks=made.chunks,
            started_at=made.started_at,
            finished_at=clock.now(),
            reason=reason,
        )

    def _fail_whole_chunks(self, objects: BatchObjects, map_run_arn: str | None, statuses: Iterable[str]) -> None:
        """A child that neither succeeded nor recorded anything fails all its items."""
        recorded = objects.failed_by_chunk()
        for child in self._children(map_run_arn, statuses):
            chunk = json.loads(child["input"])["chunk"]
            if chunk["seq"] not in recorded:
                error = f"its execution ended {child['status']}: {child.get('error', '')} {child.get('cause', '')}"[
                    :1000
                ]
                objects.put_failed(
                    chunk["seq"], [{"item": item, "error": error, "attempts": 1} for item in chunk["items"]]
                )

    def _children(self, map_run_arn: str | None, statuses: Iterable[str]) -> Iterator[dict]:
        """The child executions that ended in one of `statuses`, whole."""
        for status in statuses:
            pages = self.states.get_paginator("list_executions").paginate(mapRunArn=map_run_arn, statusFilter=status)
            for page in pages:
                for child in page["executions"]:
                    yield self.states.describe_execution(executionArn=child["executionArn"])

    def _announce(self, objects: BatchObjects, detail: dict) -> dict:
        self.events.publish(FINISHED, detail)
        objects.record_notified()
        log_finished(detail)
        return detail

    def _announce_again(self, objects: BatchObjects, clock: Clock) -> dict:
        """Take the announcement over from a finalizer that died, after the time it had."""
        found = objects.find_ending()
        if not found:
            raise NotYetAnnounced("its ending is not readable yet")
        ending, etag = found
        if objects.is_notified():
            return ending["detail"]
        if ending["announceUntil"] > clock.now() or not objects.take_announcement_over(
            ending["detail"], clock.deadline, etag
        ):
            raise NotYetAnnounced(f"{objects.name} is being announced")
        return self._announce(objects, ending["detail"])

    def finish_ended_execution(self, execution: dict, clock: Clock) -> dict | None:
        """End the batch of an execution that FAILED, TIMED_OUT or was ABORTED.

        `execution` as in its status-change event or in DescribeExecution. None: it owned no batch.
        """
        asked = json.loads(execution["input"])
        made = self._made_by(asked, execution)
        if not made:
            return None
        cause = " ".join(filter(None, (execution.get("error"), execution.get("cause"))))
        reason = f"execution {execution['status']}" + (f": {cause}" if cause else "")
        map_run_arn = self.map_run_of(execution["executionArn"])
        return self.finish(made, map_run_arn, STATUS_OF[execution["status"]], reason, clock)

    def map_run_of(self, execution_arn: str) -> str | None:
        """The execution's Map Run, if it came to that."""
        runs = self.states.list_map_runs(executionArn=execution_arn)["mapRuns"]
        return runs[0]["mapRunArn"] if runs else None

    def _made_by(self, asked: object, execution: dict) -> Made | None:
        batch_id = batch_id_or(asked, execution["name"])
        objects = BatchObjects(self.s3, self.bucket, batch_id, GENERATION)
        if objects.owner(execution["executionArn"]) != execution["executionArn"]:
            return None
        return objects.find_made() or unmade(asked, batch_id, execution["startDate"])

    def sweep(self, state_machine_arn: str, clock: Clock) -> None:
        """End what no event told of: those come on a best-effort basis. One that cannot be ended stops no other."""
        now = datetime.now(UTC)
        for status in STATUS_OF:
            pages = self.states.get_paginator("list_executions").paginate(
                stateMachineArn=state_machine_arn, statusFilter=status
            )
            found = (execution for page in pages for execution in page["executions"])
            for execution in takewhile(lambda one: one["startDate"] > now - LONGEST_EXECUTION, found):
                if execution["stopDate"] > now - SWEEP_BACK:
                    self._sweep_one(execution["executionArn"], clock)

    def _sweep_one(self, execution_arn: str, clock: Clock) -> None:
        execution = self.states.describe_execution(executionArn=execution_arn)
        execution["startDate"] = round(execution["startDate"].timestamp() * 1000)
        try:
            self.finish_ended_execution(execution, clock)
        except (NotYetAnnounced, CountsDoNotAddUp, PublishFailed, ClientError):
            logger.exception("not swept, the next sweep tries again", execution_arn=execution_arn)


def settled_at_least(made: Made, chunks: int) -> int:
    """The fewest items that `chunks` of the batch's chunks hold: which of them were settled is not known.

    So an item that was done may be counted as remaining, and none that remains as done.
    """
    if chunks >= made.chunks:
        return made.items if made.chunks else 0
    return min(made.last_chunk, made.smallest_chunk) + (chunks - 1) * made.smallest_chunk if chunks else 0


def unmade(asked: object, batch_id: str, started_at: int) -> Made:
    """A batch whose batcher never got through: all that is known of its items is the request."""
    try:
        request = parse_request(asked, settings.request_defaults())
    except InvalidRequest:
        request = BatchRequest(items=0)
    return Made(
        batch_id=batch_id,
        generation=GENERATION,
        started_at=started_at,
        items=0 if request.input else request.items,
        chunks=0,
        smallest_chunk=0,
        last_chunk=0,
        tolerated_failure_percentage=request.tolerated_failure_percentage,
    )


@functools.cache
def connections() -> Finalizer:
    """This function's finalizer; made once an environment."""
    events = Events(boto3.client("events"), settings.text("EVENT_BUS_NAME"))
    return Finalizer(boto3.client("s3"), boto3.client("stepfunctions"), events, settings.text("BATCH_BUCKET"))


def handler(event: dict, context) -> dict:
    """Lambda entry: the state machine's last state, an execution's status-change event, or the scheduled sweep."""
    finalizer, clock = connections(), Clock(context)
    if "sweep" in event:
        finalizer.sweep(event["stateMachineArn"], clock)
        return {}
    if event.get("source") == "aws.states":
        return finalizer.finish_ended_execution(event["detail"], clock) or {}
    error = event.get("error") or {}
    if "batch" not in event:
        ended = {
            "input": json.dumps(event["request"]),
            "name": event["executionName"],
            "executionArn": event["executionArn"],
            "startDate": epoch_ms(event["startedAt"]),
            "status": "FAILED",
            "error": error.get("Error"),
            "cause": error.get("Cause"),
        }
        return finalizer.finish_ended_execution(ended, clock) or {}
    batch = event["batch"]
    made = BatchObjects(finalizer.s3, finalizer.bucket, batch["batchId"], batch["generation"]).find_made()
    if not made:
        raise CountsDoNotAddUp(f"made/{batch['batchId']} is not readable yet")
    if error:
        reason = f"{error.get('Error')}: {error.get('Cause', '')}"
        return finalizer.finish(made, finalizer.map_run_of(event["executionArn"]), Status.FAILED, reason, clock)
    return finalizer.finish(made, event.get("mapRunArn"), None, None, clock)
