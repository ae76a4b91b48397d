"""A mistake in the code of the Step Functions finalizer ends its batch FAILED after a stated number of tries."""

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from handlers.aws.errors import ServiceUnavailable, is_mistake, service_errors_renamed
from handlers.aws.events import PublishFailed
from handlers.core.batch import InvalidRequest
from handlers.core.clock import Clock
from handlers.sfn.abandoned import TRIES, AbandonedExecutions
from handlers.sfn.finish import Finisher, NotYetAnnounced, TooEarly
from handlers.sfn.map_runs import CountsDoNotAddUp, MapRuns, OutOfTime
from handlers.sfn.start import Starter, parse_request
from tests.unit.sfn_world import BUCKET, S3, States, Time, chunk, made, objects, refused, started


def ended(s3: S3, states: States, published: list[dict]) -> AbandonedExecutions:
    events = SimpleNamespace(publish=lambda kind, detail: published.append(detail))
    starter = Starter(s3, BUCKET, lambda asked: parse_request(asked, {}))
    return AbandonedExecutions(states, starter, Finisher(MapRuns(states), events, None, timedelta()))  # type: ignore[arg-type]


def execution(status: str = "FAILED") -> dict:
    now = datetime.now(UTC) - timedelta(minutes=6)
    return {
        "executionArn": "execution", "name": "name", "status": status, "startDate": now, "stopDate": now,
        "input": json.dumps({"batchId": "b", "items": 100}),
    }  # fmt: skip


def finish(s3: S3, states: States, published: list[dict]) -> None:
    ended(s3, states, published).finish(execution(), Clock(Time()))


@pytest.mark.parametrize(
    ("what", "content"), [("made", b"{}"), ("started", b'{"request": {"items": "x"}}'), ("lost", b"[]")]
)
def test_a_mistake_ends_the_batch_failed_with_the_reason_after_five_tries(what, content):
    s3, states, published = S3(), States({"SUCCEEDED": [chunk(n) for n in range(10)]}, time.time() - 360), []
    started(s3)
    objects(s3).put_made(made(10))
    s3.objects[f"{what}/b/1.json"] = (
        b"{}" if what == "made" else b'{"request": {"items": "x"}}' if what == "started" else b"[]"
    )
    for _ in range(TRIES - 1):
        with pytest.raises((TypeError, AttributeError, InvalidRequest)):
            finish(s3, states, published)
    assert published == []
    finish(s3, states, published)
    (detail,) = published
    assert (detail["status"], detail["items"], detail["remaining"]) == ("FAILED", 100, 100)
    assert detail["reason"].startswith("a mistake in the code, met 5 times by its finalizer: ")
    assert objects(s3).is_notified()


def test_what_a_service_raises_is_tried_as_often_as_it_takes():
    s3, published = S3(), []
    states = States({"SUCCEEDED": [chunk(n) for n in range(10)]}, time.time() - 360)
    started(s3)
    objects(s3).put_made(made(10))
    throttled = refused("ThrottlingException", "DescribeMapRun")

    def describe_map_run(**_: object) -> dict:
        raise throttled

    states.describe_map_run, describes = describe_map_run, states.describe_map_run  # type: ignore[method-assign]
    for _ in range(3 * TRIES):
        with pytest.raises(ClientError):
            finish(s3, states, published)
    states.describe_map_run = describes  # type: ignore[method-assign]
    finish(s3, states, published)
    assert published[0]["status"] == "SUCCEEDED"


def test_of_many_executions_none_is_left_out_by_every_sweep():
    """Each sweep has time for some of them only."""
    s3, states, published = S3(), States({}), []
    now = datetime.now(UTC)
    names = [f"b{number}" for number in range(40)]
    listed = [{"executionArn": name, "startDate": now, "stopDate": now} for name in names]
    states.get_paginator = lambda _: SimpleNamespace(  # type: ignore[attr-defined]
        paginate=lambda statusFilter, **_: [{"executions": listed if statusFilter == "ABORTED" else []}]
    )
    states.list_map_runs = lambda **_: {"mapRuns": []}  # type: ignore[method-assign]
    states.describe_execution = lambda executionArn: execution("ABORTED") | {  # type: ignore[method-assign]
        "executionArn": executionArn, "name": executionArn, "input": json.dumps({"batchId": executionArn, "items": 1}),
    }  # fmt: skip
    sweeps = 0
    while len(published) < len(names):
        sweeps += 1
        ended(s3, states, published).sweep("machine", Clock(Some(8)))
        assert len(published) <= 8 * sweeps
        assert sweeps < 200
    assert sorted(detail["batchId"] for detail in published) == sorted(names)


class Some(Time):
    """Time for so many executions: before each the clock is looked at."""

    def __init__(self, executions: int):
        super().__init__()
        self.executions = executions

    def get_remaining_time_in_millis(self) -> int:
        super().get_remaining_time_in_millis()
        return self.first if self.asked <= 1 + self.executions else 0


def test_a_mistake_with_a_duplicate_ends_nobody_elses_batch():
    s3, states, published = S3(), States({}), []
    started(s3)
    ending = ended(s3, states, published)
    ending.starter.start = lambda *_: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    for _ in range(TRIES - 1):
        with pytest.raises(ZeroDivisionError):
            ending.finish(execution() | {"executionArn": "another"}, Clock(Time()))
    assert ending.finish(execution() | {"executionArn": "another"}, Clock(Time())) is None
    assert published == []


PASSING = [
    refused("ThrottlingException", "GetItem"),
    ReadTimeoutError(endpoint_url="x"),
    ConnectionResetError(),
    TimeoutError(),
    PublishFailed(),
]
LOOK_AGAIN = [NotYetAnnounced(), CountsDoNotAddUp(), OutOfTime(), TooEarly(1)]
MISTAKES = [AssertionError(), KeyError("x"), TypeError(), ParamValidationError(report="x"), FileNotFoundError()]


def test_the_state_machine_is_told_services_from_mistakes():
    for error in [*PASSING, *LOOK_AGAIN]:
        assert not is_mistake(error)
    for error in PASSING:
        with pytest.raises(ServiceUnavailable) as told, service_errors_renamed():
            raise error
        assert type(told.value) is ServiceUnavailable
    for error in [*LOOK_AGAIN, *MISTAKES]:
        with pytest.raises(type(error)), service_errors_renamed():
            raise error
    assert all(map(is_mistake, [*MISTAKES, MemoryError(), RecursionError()]))
