"""How an execution starts a generation of a batch: which one, who owns it, with which request, or why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

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
from handlers.sfn.json_objects import JsonObjects
from handlers.sfn.store import BatchObjects, Started

LATEST_KEY = "schedule/latest.json"
# The batch bucket's objects expire 30 days after they were written, in no order, and a redrive may take days to read.
REDRIVE_WITHIN_DAYS = 20
DAY_MS = 24 * 3600 * 1000


class RequestRefused(Exception):
    """No batch is started: there is nothing to redrive."""


@dataclass(frozen=True)
class Execution:
    """`started_at` in milliseconds since 1970."""

    arn: str
    name: str
    started_at: int

    @classmethod
    def from_context(cls, event: dict) -> "Execution":
        """Of what the state machine's states pass on from their context object."""
        return cls(event["executionArn"], event["executionName"], epoch_ms(event["startedAt"]))


def epoch_ms(timestamp: str) -> int:
    """Of the context object's ISO 8601 time."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


def parse_request(asked: object, defaults: Mapping[str, str]) -> BatchRequest:
    """The batch request. Raises InvalidRequest, also for what only the SQS architecture can do."""
    if field_of(asked, "deadlineSeconds") is not None:
        raise InvalidRequest(
            "deadlineSeconds: a state machine has one deadline for all its executions; set the stack's DeadlineSeconds"
        )
    return BatchRequest.parse(asked, defaults)


class Schedule:
    """Which batch the schedule started last. `skips`: whether the next one waits for it to end."""

    def __init__(self, client, bucket: str, skips: bool):
        self.client = client
        self.bucket = bucket
        self.skips = skips
        self.objects = JsonObjects(client, bucket)

    def running_before(self, batch_id: str) -> str | None:
        """The batch that still runs, so that `batch_id` is to be skipped; None: `batch_id` is the latest now.

        A redelivered event finds its own batch the latest one. Of two that come at once, the later sees the other.
        """
        while True:
            latest, etag = self.objects.find(LATEST_KEY) or ({"batchId": batch_id}, None)
            if self.skips and latest["batchId"] != batch_id and self._runs(latest["batchId"]):
                return latest["batchId"]
            condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            if self.objects.put_if(LATEST_KEY, {"batchId": batch_id}, **condition):
                return None

    def _runs(self, batch_id: str) -> bool:
        objects = BatchObjects(self.client, self.bucket, batch_id)
        started = objects.find_started()
        # Not started: about to be. Skipped: a twin of its event has found the one before it running.
        return objects.find_ending() is None and not (started and started.running)


class Starter:
    """`survey` settles a parsed request (see source.survey). Without a `schedule` nothing is skipped."""

    def __init__(
        self,
        client,
        bucket: str,
        parse: Callable[[object], BatchRequest],
        survey: Callable[[BatchRequest], BatchRequest] = lambda request: request,
        schedule: Schedule | None = None,
    ):
        self.client = client
        self.bucket = bucket
        self.parse = parse
        self.survey = survey
        self.schedule = schedule

    def start(self, asked: object, execution: Execution) -> tuple[BatchObjects, Started]:
        """Start what `asked` asks for, unless it is: how it was started is decided once, by whoever comes first.

        Raises RequestRefused.
        """
        if redrive_in(asked) is not None:
            return self._redrive(asked, execution)
        objects = BatchObjects(self.client, self.bucket, batch_id_or(asked, execution.name))
        found = objects.find_started()
        if found:
            return objects, found
        started = Started(execution.arn, execution.started_at, request=None)
        if self.schedule and is_scheduled(asked):
            started = replace(started, running=self.schedule.running_before(objects.batch_id))
        try:
            started = replace(started, request=self.survey(self.parse(asked)))
        except InvalidRequest as refused:
            started = replace(started, reason=str(refused))
        return objects, objects.start(started)

    def _redrive(self, asked: object, execution: Execution) -> tuple[BatchObjects, Started]:
        try:
            redrive = redrive_of(redrive_in(asked))
            BatchRequest.parse(asked)
        except InvalidRequest as refused:
            raise RequestRefused(str(refused)) from refused
        objects = BatchObjects(self.client, self.bucket, redrive.batch_id, redrive.generation + 1)
        request = self._request_of(redrive, execution.started_at)
        return objects, objects.start(Started(execution.arn, execution.started_at, request))

    def _request_of(self, redrive: Redrive, now: int) -> BatchRequest:
        """The request of a generation that has ended. Raises RequestRefused."""
        ended = BatchObjects(self.client, self.bucket, redrive.batch_id, redrive.generation)
        what = f"redrive: batch {redrive.batch_id}, generation {redrive.generation}"
        started = ended.find_started()
        if not started:
            raise RequestRefused(f"{what}: there is none")
        if not ended.find_ending():
            raise RequestRefused(f"{what}: it was skipped" if started.running else f"{what}: it has not ended")
        if not started.request:
            raise RequestRefused(f"{what}: it had nothing to run: {started.reason}")
        if now > (begun := oldest_needed(ended, started.started_at)) + REDRIVE_WITHIN_DAYS * DAY_MS:
            raise RequestRefused(
                f"{what}: too old, what there is of it is from {iso(begun)} and about to expire; "
                f"{REDRIVE_WITHIN_DAYS} days are allowed"
            )
        return started.request


def oldest_needed(ended: BatchObjects, started_at: int) -> int:
    """When the generation was started whose objects a redrive reads: one that made no chunks left them to the last."""
    while ended.generation > 1 and (not (made := ended.find_made()) or made.refused):
        ended = ended.of_generation(ended.generation - 1)
        found = ended.find_started()
        started_at = found.started_at if found else 0
    return started_at
