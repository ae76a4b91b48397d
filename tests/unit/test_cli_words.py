"""Numbers, times, names and command lines as people read them."""

import pytest

from bootstrap.printable import one_line
from costs.format import count, seconds, short_seconds
from rollcall.target.outputs import functions, resource_lines
from rollcall.target.target import SandboxTarget, Target


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (None, "", "-"),
        (0, "item", "0 items"),
        (1, "item", "1 item"),
        (1234567, "item", "1,234,567 items"),
        (9.6, "", "10"),
    ],
)
def test_counts(number: float | None, noun: str, text: str) -> None:
    assert count(number, noun) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (None, "-"),
        (0.0314, "0.031 s"),
        (4.25, "4.2 s"),
        (60, "1 min 00 s"),
        (3599.7, "1 h 00 min"),
        (21_580, "6 h 00 min"),
        (7500, "2 h 05 min"),
        (0.0001, "0 s"),
        (200_000, "2 d 08 h"),
    ],
)
def test_durations(duration: float | None, text: str) -> None:
    assert seconds(duration) == text


@pytest.mark.parametrize(
    ("duration", "text"), [(30, "30 s"), (90, "1.5 min"), (900, "15 min"), (7200, "2 h"), (86_400, "1 d")]
)
def test_round_durations(duration: float, text: str) -> None:
    assert short_seconds(duration) == text


def test_functions_are_named_by_architecture_and_role() -> None:
    outputs = {"FailureRecorderFunctionName": "Stack-FailureRecorderFunction-1", "TableName": "t"}
    assert functions("sfn", outputs) == {"sfn.failure-recorder": "Stack-FailureRecorderFunction-1"}


def test_resources_are_listed_by_kind() -> None:
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:Machine-1"
    lines = list(resource_lines({"ChunkQueueUrl": "u1", "FinalizerQueueUrl": "u2", "StateMachineArn": arn}))
    assert lines == ["[dim]queues       [/] chunk, finalizer", "[dim]state machine[/] Machine-1"]


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (SandboxTarget(), "rollcall status"),
        (Target(port=4567, suffix="-b"), "rollcall status --port 4567 --suffix=-b"),
        (Target(project="mine"), "rollcall status --project=mine"),
        (Target(aws=True, profile="my work; reboot"), "rollcall status --aws --profile='my work; reboot'"),
        (Target(aws=True, profile="-v", region="$X"), "rollcall status --aws --profile=-v --region='$X'"),
        (Target(aws=True, region="eu-west-1", port=4567), "rollcall status --aws --region=eu-west-1"),
    ],
)
def test_a_command_line_leads_to_the_same_place(target: SandboxTarget, command: str) -> None:
    assert target.command("status") == command


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, schön, 漢字", "plain, schön, 漢字"),
        ("two\nlines\tand \x1b[31mred", r"two\nlines\tand \x1b[31mred"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_others_wrote_keeps_to_its_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
