"""Starts a generation of a batch for an execution: decides once which execution owns it, and with which request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.aws import Client
from handlers.core.batch import (
    BatchRequest,
    InvalidRequest,
    Redrive,
    batch_id_or,
    field_of,
    is_scheduled,
    iso,
    redrive_in,
    redrive_of,
)
from handlers.sfn.states import ExecutionContext
from handlers.sfn.store import BatchObjects, BatchStart, JsonObjects

LATEST_KEY = "schedule/latest.json"
# The batch bucket's objects expire 30 days after they were written, and a redrive may take days to read them.
REDRIVE_WITHIN_DAYS = 20
DAY_MS = 24 * 3600 * 1000


class RequestRefused(Exception):
    """No batch is started, because there is nothing to redrive."""


@dataclass(frozen=True)
class Execution:
    """An execution of the state machine. `started_at` in milliseconds since 1970."""

    arn: str
    name: str
    started_at: int

    @classmethod
    def from_context(cls, event: ExecutionContext) -> "Execution":
        """The execution that a function's input names."""
        return cls(event["executionArn"], event["executionName"], epoch_of(datetime.fromisoformat(event["startedAt"])))


def epoch_of(time: datetime) -> int:
    """A time in milliseconds since 1970."""
    return round(time.timestamp() * 1000)


def parse_request(request: object, defaults: Mapping[str, str]) -> BatchRequest:
    """The checked request. Raises InvalidRequest, also for a field that only the SQS architecture has."""
    if field_of(request, "deadlineSeconds") is not None:
        raise InvalidRequest(
            "deadlineSeconds: a state machine has one deadline for all its executions; set the stack's DeadlineSeconds"
        )
    return BatchRequest.parse(request, defaults)


@dataclass
class Schedule:
    """Records which batch the schedule started last. `skips`: skip a scheduled batch while the last one runs."""

    client: Client
    bucket: str
    skips: bool

    def running_before(self, batch_id: str) -> str | None:
        """The batch that still runs, so that `batch_id` is to be skipped; None if `batch_id` is now the latest.

        A redelivered event finds that its own batch is the latest. Of two events at a time the later sees the other.
        """
        objects = JsonObjects(self.client, self.bucket)
        while True:
            latest, etag = objects.find(LATEST_KEY) or ({"batchId": batch_id}, None)
            if self.skips and latest["batchId"] != batch_id and self._runs(latest["batchId"]):
                return str(latest["batchId"])
            condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            if objects.put_if(LATEST_KEY, {"batchId": batch_id}, **condition):
                return None

    def _runs(self, batch_id: str) -> bool:
        objects = BatchObjects(self.client, self.bucket, batch_id)
        start = objects.find_started()
        # Without a start it is about to start. With `running` it is skipped: a copy of its event has found one running.
        return objects.find_ending() is None and not (start and start.running)


@dataclass
class Starter:
    """Starts batches. `survey` resolves a parsed request (see source.survey). Without a `schedule` none is skipped."""

    client: Client
    bucket: str
    parse: Callable[[object], BatchRequest]
    survey: Callable[[BatchRequest], BatchRequest] = lambda request: request
    schedule: Schedule | None = None

    def start(self, body: object, execution: Execution) -> tuple[BatchObjects, BatchStart]:
        """Start the batch of a request, unless it is started: the first execution decides. Raises RequestRefused."""
        if redrive_in(body) is not None:
            return self._redrive(body, execution)
        objects = BatchObjects(self.client, self.bucket, batch_id_or(body, execution.name))
        found = objects.find_started()
        if found:
            return objects, found
        start = BatchStart(execution.arn, execution.started_at, request=None)
        if self.schedule and is_scheduled(body):
            start = replace(start, running=self.schedule.running_before(objects.batch_id))
        try:
            start = replace(start, request=self.survey(self.parse(body)))
        except InvalidRequest as refused:
            start = replace(start, reason=str(refused))
        return objects, objects.start(start)

    def _redrive(self, body: object, execution: Execution) -> tuple[BatchObjects, BatchStart]:
        try:
            redrive = redrive_of(redrive_in(body))
            BatchRequest.parse(body)
        except InvalidRequest as refused:
            raise RequestRefused(str(refused)) from refused
        objects = BatchObjects(self.client, self.bucket, redrive.batch_id, redrive.generation + 1)
        request = self._request_of(redrive, execution.started_at)
        return objects, objects.start(
            BatchStart(execution.arn, execution.started_at, request, only_error=redrive.error)
        )

    def _request_of(self, redrive: Redrive, now: int) -> BatchRequest:
        """The request of a generation that has ended. Raises RequestRefused."""
        ended = BatchObjects(self.client, self.bucket, redrive.batch_id, redrive.generation)
        what = f"redrive: batch {redrive.batch_id}, generation {redrive.generation}"
        start = ended.find_started()
        if not start:
            raise RequestRefused(f"{what}: there is none")
        if not ended.find_ending():
            raise RequestRefused(f"{what}: it was skipped" if start.running else f"{what}: it has not ended")
        if not start.request:
            raise RequestRefused(f"{what}: it had nothing to run: {start.reason}")
        if now > (begun := oldest_needed(ended, start.started_at)) + REDRIVE_WITHIN_DAYS * DAY_MS:
            raise RequestRefused(
                f"{what}: too old, what there is of it is from {iso(begun)} and about to expire; "
                f"{REDRIVE_WITHIN_DAYS} days are allowed"
            )
        return start.request


def oldest_needed(ended: BatchObjects, started_at: int) -> int:
    """The start of the generation whose objects a redrive reads: an earlier one if the last ones made no chunks."""
    while ended.generation > 1 and (not (made := ended.find_made()) or made.refused):
        ended = ended.of_generation(ended.generation - 1)
        found = ended.find_started()
        started_at = found.started_at if found else 0
    return started_at
