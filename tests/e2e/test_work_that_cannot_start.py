"""Work that cannot be imported: its batch ends FAILED with the reason within a minute; one bad process harms none."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])


@contextmanager
def work_scale(stacks: Stacks, architecture: str, value: str) -> Iterator[None]:
    """The processor's environment has this value of WORK_SCALE until the end."""
    outputs = stacks.sqs if architecture == "sqs" else stacks.sfn
    functions, name = stacks.aws("lambda"), outputs["ProcessorFunctionName"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def tell(variables: dict[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

    tell(before | {"WORK_SCALE": value})
    try:
        yield
    finally:
        tell(before)


@ARCHITECTURES
def test_a_batch_whose_work_can_start_nowhere_ends_failed_with_the_reason_within_a_minute(stacks: Stacks, architecture):
    prefix, rows = items(30)
    place = stacks.upload("items.jsonl", json_lines(rows))
    with work_scale(stacks, architecture, "missing"):
        detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=10))
    assert (detail["status"], detail["failed"], detail["remaining"]) == ("FAILED", 0, 30)
    assert "work.py cannot be imported: KeyError: 'API_KEY' (handlers/work.py, line " in detail["reason"]
    began, ended = (datetime.fromisoformat(detail[name]) for name in ("startedAt", "finishedAt"))
    assert (ended - began).total_seconds() < 60
    assert not stacks.witnessed(architecture, prefix)


@ARCHITECTURES
def test_a_process_in_which_the_work_cannot_start_costs_a_batch_nothing(stacks: Stacks, architecture):
    _, rows = items(30)
    place = stacks.upload("items.jsonl", json_lines(rows))
    with work_scale(stacks, architecture, f"missing-once-{uuid.uuid4().hex}"):
        detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=10, maxAttempts=1))
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 30)
