"""What the engine keeps in memory has bounds: log events and ended executions. The models are LocalStack's own."""

from typing import Any

import pytest
from localstack.services.logs import provider  # noqa: F401  it corrects the models of logs
from moto.logs.models import LogGroup

from sandbox.engine import kept_logs
from sandbox.step_functions.kept import Ended


@pytest.fixture(scope="module")
def group_class() -> type[LogGroup]:
    stock = LogGroup.put_log_events
    kept_logs.install(None)
    yield LogGroup
    LogGroup.put_log_events = stock


@pytest.fixture
def group(group_class: type[LogGroup], monkeypatch: pytest.MonkeyPatch) -> LogGroup:
    monkeypatch.setattr(kept_logs, "MOST_EVENTS", 100)
    made = group_class("000000000000", "us-east-1", "/aws/lambda/f")
    for name in ("old", "lasting", "new"):
        made.create_log_stream(name)
    return made


def put(group: LogGroup, stream: str, *times: int) -> None:
    group.put_log_events(stream, [{"timestamp": time, "message": str(time)} for time in times])


def times(group: LogGroup) -> list[int]:
    return sorted(event.timestamp for stream in group.streams.values() for event in stream.events)


def test_a_log_group_keeps_its_newest_events_whichever_stream_has_them(group: LogGroup) -> None:
    put(group, "old", *range(50))
    put(group, "lasting", 50)
    put(group, "new", *range(51, 100))
    assert times(group) == list(range(100))
    put(group, "lasting", 100)
    assert times(group) == list(range(11, 101))
    put(group, "lasting", *range(101, 151))
    assert times(group) == list(range(61, 151))
    assert set(group.streams) == {"lasting", "new"}


def test_a_log_group_stays_bounded_however_much_is_written(group: LogGroup) -> None:
    for number in range(0, 5000, 10):
        put(group, "lasting", *range(number, number + 10))
        assert len(times(group)) <= 100
    assert times(group)[-1] == 4999


def test_the_executions_that_ended_first_are_forgotten_and_those_that_run_are_not() -> None:
    executions: dict[str, Any] = {arn: object() for arn in "abcdef"}
    ended = Ended(2)
    for arn in ("c", "a", "child of a Map Run", "b", "d"):
        ended.add(executions, arn)
    assert set(executions) == {"b", "d", "e", "f"}
