"""The state machine: clean, whole, and in time."""

import json
import re

import pytest
from cfnlint import decode

from bootstrap.stacks import DEFINITION, TEMPLATES
from handlers.sfn.express import (
    HAND_ON_SECONDS,
    LIMIT_SECONDS,
    RECORDER_CALLS,
    RECORDER_SECONDS,
    REFUSED_SECONDS,
    begin_minutes,
    work_seconds,
)
from tests.cfn_lint import findings


def filled_in(begin: str = "Clock") -> str:
    """The state machine's definition with values of the right kind for its substitutions."""
    text = DEFINITION.read_text()
    for name in ("BeginMinutes", "RetryDelaySeconds", "SettleSeconds", "DeadlineSeconds"):
        text = text.replace(f"${{{name}}}", "7")
    text = text.replace("${Partition}", "aws").replace("${ChildType}", "EXPRESS").replace("${BatchBucket}", "a-bucket")
    text = text.replace("${Begin}", begin)
    return re.sub(r"\$\{(\w+)Function}", r"arn:aws:lambda:eu-west-1:123456789012:function:\1", text)


def test_cfn_lint_finds_nothing_in_the_state_machine():
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/a-role", "DefinitionString": filled_in()},
    }
    assert findings(json.dumps({"Resources": {"StateMachine": machine}})) == []


def test_every_substitution_of_the_state_machine_is_given_and_used():
    used = set(re.findall(r"\$\{(\w+)}", DEFINITION.read_text()))
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    assert set(document["Resources"]["StateMachine"]["Properties"]["DefinitionSubstitutions"]) == used


def test_the_failure_recorder_has_the_time_that_an_express_child_keeps_for_it():
    document, _ = decode.decode(str(TEMPLATES / "sfn-batch-processing.yaml"))
    assert document["Resources"]["FailureRecorderFunction"]["Properties"]["Timeout"] == RECORDER_SECONDS


def states() -> dict[str, dict]:
    """Every state of the batch, of its children and of their chunks, by name."""
    definition = json.loads(filled_in())["States"]
    child = definition["Process chunks"]["ItemProcessor"]["States"]
    return definition | child | states_of_a_chunk()


def states_of_a_chunk() -> dict[str, dict]:
    child = json.loads(filled_in())["States"]["Process chunks"]["ItemProcessor"]["States"]
    return child["Its chunks"]["ItemProcessor"]["States"]


def following(state: dict) -> set[str]:
    """The states that may follow."""
    others = [*state.get("Choices", []), *state.get("Catch", [])]
    return {other["Next"] for other in (state, *others) if "Next" in other} | {state.get("Default", "")} - {""}


def longest_waits(retriers: list[dict]) -> list[float]:
    """The seconds for which each of a state's retriers waits between its calls, all together."""
    return [
        sum(each["IntervalSeconds"] * each.get("BackoffRate", 2) ** number for number in range(each["MaxAttempts"]))
        for each in retriers
    ]


def retriers(state: dict, name: str) -> list[dict]:
    return [each for each in state["Retry"] if name in each["ErrorEquals"]]


def test_an_express_child_begins_work_only_after_a_look_at_the_clock():
    chunk = states_of_a_chunk()
    assert {name for name, state in chunk.items() if "Process" in following(state)} == {"Time left?"}
    assert {name for name, state in chunk.items() if "Time left?" in following(state)} == {"Clock"}
    assert chunk["Time left?"]["Default"] == "Hand on"


def test_what_a_child_does_between_two_looks_at_the_clock_takes_no_longer_than_it_keeps_for_it():
    chunk = states_of_a_chunk()
    assert max(longest_waits(chunk["Process"]["Retry"])) <= REFUSED_SECONDS
    *refused, other = chunk["Record failure"]["Retry"]
    assert max(longest_waits(refused)) <= REFUSED_SECONDS
    assert 1 + other["MaxAttempts"] == RECORDER_CALLS
    for name in ("Hand on", "Leave it to the finalizer"):
        assert sum(longest_waits(chunk[name]["Retry"])) < HAND_ON_SECONDS
    assert chunk["Wait for services"]["Seconds"] < work_seconds(1, 0)
    # A child that looks one second too early begins work for all of this.
    for timeout, delay in ((60, 10), (96, 0), (1, 145)):
        assert 60 * begin_minutes(timeout, delay) + work_seconds(timeout, delay) <= LIMIT_SECONDS


@pytest.mark.parametrize("kind", ["Clock", "Process"])
def test_every_state_of_a_chunk_is_reachable_for_aws_refuses_a_definition_otherwise(kind: str):
    child = json.loads(filled_in(kind))["States"]["Process chunks"]["ItemProcessor"]["States"]["Its chunks"][
        "ItemProcessor"
    ]
    found, new = set(), {child["StartAt"]}
    while new:
        found |= new
        new = set().union(*(following(child["States"][name]) for name in new)) - found
    assert found == set(child["States"])


@pytest.mark.parametrize("state", ["Make chunks", "Try the work", "Hand out what is left"])
def test_being_refused_by_lambda_is_no_attempt_and_is_tried_until_the_deadline(state):
    (retrier,) = retriers(states()[state], "Lambda.TooManyRequestsException")
    assert retrier["MaxAttempts"] * retrier["MaxDelaySeconds"] > 14 * 24 * 3600


@pytest.mark.parametrize("state", ["Make chunks", "Hand out what is left", "Finalize"])
def test_what_a_service_refuses_is_tried_until_the_deadline_and_a_mistake_a_few_times(state):
    (service,) = retriers(states()[state], "ServiceUnavailable")
    assert service["MaxAttempts"] * service["MaxDelaySeconds"] > 14 * 24 * 3600
    (mistake,) = retriers(states()[state], "States.ALL")
    assert mistake["MaxAttempts"] <= 8
