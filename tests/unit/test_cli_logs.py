"""Log lines made readable, and the choice of functions."""

import json

import pytest

from bootstrap.problem import Problem
from rollcall.commands.logs import choose
from rollcall.terminal.duration import parse_duration
from rollcall.terminal.log_lines import readable

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


def test_metrics_show_their_values() -> None:
    metrics = [{"Namespace": "Rollcall", "Dimensions": [[]], "Metrics": [{"Name": "ItemsDone", "Unit": "Count"}]}]
    message = json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": metrics}, "ItemsDone": [25.0]})
    assert readable(message) == ("metrics  ItemsDone=25", "dim")


@pytest.mark.parametrize("message", ["print(ed) by somebody", "{not json", "[1, 2]"])
def test_any_other_line_stays_as_it_is(message: str) -> None:
    assert readable(message) == (message, "")
