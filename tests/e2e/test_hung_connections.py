"""A connection that hangs costs a function some seconds, not its invocation, and no chunk an attempt."""

from collections.abc import Iterator

import pytest

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan


@pytest.fixture(autouse=True, scope="module")
def impatient_batcher(stacks: Stacks) -> Iterator[None]:
    with stacks.impatient_batcher():
        yield


@pytest.mark.parametrize(
    ("architecture", "calls"),
    [
        ("sqs", {"Batcher": "SendMessageBatch", "Processor": "BatchWriteItem", "Finalizer": "PutEvents"}),
        ("sfn", {"Batcher": "PutObject", "Processor": "PutObject", "Finalizer": "PutEvents"}),
    ],
)
def test_a_connection_that_hangs_costs_no_invocation_and_no_attempt(
    stacks: Stacks, plan: Plan, architecture: str, calls: dict[str, str]
):
    outputs = stacks.sqs if architecture == "sqs" else stacks.sfn
    functions = {outputs[f"{name}FunctionName"]: operation for name, operation in calls.items()}
    before = [stacks.cut_short(name) for name in functions]
    injected = plan(
        *({"kind": "hang", "function": name, "operation": called, "count": 1} for name, called in functions.items())
    )
    _, rows = items(20, result=1)
    place = stacks.upload("items.jsonl", json_lines(rows))
    finished = stacks.finished(stacks.start(architecture, input=place, maxAttempts=1))
    assert (finished["status"], finished["succeeded"]) == ("SUCCEEDED", 20)
    assert injected() == len(functions)
    assert [stacks.cut_short(name) for name in functions] == before


def test_an_event_source_never_hangs(stacks: Stacks, plan: Plan):
    """Its client in the engine would never give up."""
    plan(
        {"kind": "hang", "service": "sqs", "operation": "ReceiveMessage", "when": "before",
         "function": stacks.sqs["BatcherFunctionName"]}
    )  # fmt: skip
    assert stacks.finished(stacks.start("sqs", items=4))["status"] == "SUCCEEDED"
