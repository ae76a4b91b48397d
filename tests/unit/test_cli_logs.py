"""Log lines made readable, and the choice of functions."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.problem import Problem
from rollcall.batches.batch_logs import of_batch
from rollcall.batches.function_logs import choose
from rollcall.batches.invocation_errors import is_error
from rollcall.commands import logs
from rollcall.target.connection import Stack
from rollcall.terminal.duration import parse_duration
from rollcall.terminal.log_lines import readable
from tests.unit.commands import Cli

FUNCTIONS = {"sqs.batcher": "Stack-Batcher-1", "sqs.processor": "Stack-Processor-2", "sfn.batcher": "Other-Batcher-3"}


@pytest.mark.parametrize(("text", "age"), [("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86400)])
def test_age(text: str, age: int) -> None:
    assert parse_duration("--since", text) == age


@pytest.mark.parametrize(
    ("source", "roles"),
    [
        (None, ["sqs.batcher", "sqs.processor", "sfn.batcher"]),
        ("sqs", ["sqs.batcher", "sqs.processor"]),
        ("sqs.processor", ["sqs.processor"]),
        ("Other-Batcher-3", ["sfn.batcher"]),
    ],
)
def test_functions_are_chosen_by_architecture_role_or_name(source: str | None, roles: list[str]) -> None:
    assert list(choose(source, FUNCTIONS)) == roles


def test_an_unknown_function_is_refused_with_the_choice() -> None:
    with pytest.raises(Problem, match="procesor") as refusal:
        choose("sqs.procesor", FUNCTIONS)
    assert "sqs.processor" in (refusal.value.hint or "")


def test_structured_lines_show_level_message_and_what_is_not_routine() -> None:
    message = json.dumps({"level": "ERROR", "message": "bad", "service": "s", "timestamp": "t", "batchId": "b-1"})
    assert readable(message) == ("ERROR  bad  batchId=b-1", "bold red")


def test_a_failed_item_shows_its_whole_traceback() -> None:
    fields = {"level": "WARNING", "message": "item failed", "id": "C1", "traceback": "Traceback:\n  g()\nKeyError\n"}
    assert readable(json.dumps(fields)) == ("WARNING  item failed  id=C1\nTraceback:\n  g()\nKeyError", "yellow")
    assert is_error(json.dumps(fields))


def test_metrics_show_their_values() -> None:
    metrics = [{"Namespace": "Rollcall", "Dimensions": [[]], "Metrics": [{"Name": "ItemsDone", "Unit": "Count"}]}]
    message = json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": metrics}, "ItemsDone": [25.0]})
    assert readable(message) == ("metrics  ItemsDone=25", "dim")


@pytest.mark.parametrize("message", ["print(ed) by somebody", "{not json", "[1, 2]"])
def test_any_other_line_stays_as_it_is(message: str) -> None:
    assert readable(message) == (message, "")


class MovedSandbox:
    """A sandbox whose clock is hours ahead. Its one function logs a line in each round, the last of them late."""

    NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)
    LINES = (("too old", -61), ("before the jump", -59), ("after the jump", 6 * 3600), ("late", 1))

    def __init__(self) -> None:
        self.stacks = {"sqs": Stack("Stack", {"BatcherFunctionName": "Batcher"}, {})}
        self.there = 2

    def now(self) -> datetime:
        return self.NOW

    def client(self, _: str) -> Any:
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, logGroupName: str, startTime: int) -> list[dict[str, Any]]:
        assert logGroupName == "/aws/lambda/Batcher"
        times = [(text, round(self.NOW.timestamp() + seconds) * 1000) for text, seconds in self.LINES[: self.there]]
        events = [{"eventId": text, "timestamp": at, "message": text} for text, at in times if at >= startTime]
        return [{"events": events}]

    def rest(self, _: float) -> None:
        """The pause between two rounds, in which the next line is logged."""
        if self.there == len(self.LINES):
            raise KeyboardInterrupt
        self.there += 1


def test_lines_are_as_old_as_the_sandboxs_clock_says_and_a_late_one_is_shown_after_a_jump(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = MovedSandbox()
    monkeypatch.setattr(logs, "connect", lambda _: sandbox)
    monkeypatch.setattr(logs.time, "sleep", sandbox.rest)
    code, out, _ = cli("logs", "--since", "1m", "--follow")
    assert code == 130
    assert [line.split("sqs.batcher")[1].strip() for line in out.splitlines()] == [
        "before the jump", "after the jump", "late",
    ]  # fmt: skip


def event(stream: str, message: str) -> dict[str, str]:
    return {"logStreamName": stream, "message": message}


def test_the_lines_of_a_batch_are_those_of_the_invocations_that_name_it() -> None:
    events = [
        event("a", "START RequestId: 1 Version: $LATEST"),
        event("b", "START RequestId: 2 Version: $LATEST"),
        event("a", "printed by the work"),
        event("b", '{"message": "items failed", "batch_id": "orders-10"}'),
        event("a", '{"message": "items failed", "batch_id": "orders-1"}'),
        event("a", "END RequestId: 1"),
        event("a", "START RequestId: 3 Version: $LATEST"),
        event("a", "printed for another batch"),
    ]
    assert of_batch(events, "orders-1") == [events[0], events[2], events[4], events[5]]
    assert of_batch(events, "orders-10") == [events[1], events[3]]
    assert of_batch(events, "orders") == []


def test_a_pattern_that_is_no_regular_expression_is_refused(cli: Cli) -> None:
    code, _, err = cli("logs", "--grep", "a(")
    assert code == 2
    assert "--grep 'a(' is no regular expression" in err
