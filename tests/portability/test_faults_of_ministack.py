"""MiniStack's own faults that our stacks meet: each is expected, with its reason, and is told when it is mended.

Then the function that works round it in bench/ministack/workarounds.py goes, and its test here.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.executor_deploy import Function, create
from tests.portability.observed import Observed
from tests.portability.stacks import PortableStacks
from tests.portability.under_way import UnderWay

SOURCE = """
import os


def handler(event, context):
    if event == "print":
        os.write(1, b'{"status": "ok", "result": "printed"}\\n')
    if event == "raise":
        raise KeyError("no such thing")
"""


class NotMended(Exception):
    """MiniStack has the fault still. Any other error is one of the test's own."""


def fault(reason: str) -> pytest.MarkDecorator:
    """It is known: if it is mended, the test fails and says so."""
    return pytest.mark.xfail(reason=reason, strict=True, raises=NotMended)


def expect(mended: bool) -> None:
    """Raise NotMended if it is not so."""
    if not mended:
        raise NotMended


@fault("numbers_as_numbers: a !Ref to a Number gives an event source a string, and its poller stops at the comparison")
def test_an_event_source_polls_within_the_limit_that_a_parameter_gives(observed: Observed):
    expect(observed.polls_chunks)


@fault("without_context_in_result_selector: `$$.` in a ResultSelector is null")
def test_a_result_selector_reads_the_executions_context(observed: Observed):
    expect(observed.outputs["Make chunks"]["executionName"] == observed.batches["sfn"])


@fault("without_map_result: ResultWriter is ignored, so a Map's result has no MapRunArn")
def test_a_distributed_map_with_a_result_writer_says_which_map_run_it_was(observed: Observed):
    expect(observed.outputs["Process chunks"]["mapRun"]["mapRunArn"] is not None)


@fault("with_concurrency: MaxConcurrencyPath is ignored, and a Map runs all there is at once")
def test_a_distributed_map_runs_as_many_children_at_a_time_as_its_input_says(observed: Observed):
    expect(observed.max_concurrency > 0)


@fault("an execution that is stopped goes on to start children: so a cancelled batch may be processed whole")
def test_a_stopped_execution_starts_no_more_children(stacks: PortableStacks, under_way: UnderWay):
    expect(stacks.finished(under_way.cancelled["sfn"].batch_id)["status"] == "CANCELLED")


@fault("what a function's processes write to their output is lost, or taken for its answer")
def test_what_a_function_writes_to_its_output_is_not_its_answer(aws: Callable[[str], Any]):
    expect(answer_of(create(aws, source=SOURCE), "print") == b"null")


@fault("a function's exception loses its class, so no Retry or Catch of a state finds it")
def test_an_exception_of_a_function_keeps_its_class(aws: Callable[[str], Any]):
    expect(json.loads(answer_of(create(aws, source=SOURCE), "raise"))["errorType"] == "KeyError")


def answer_of(function: Function, event: str) -> bytes:
    """What the function answers."""
    answer: bytes = (
        function.aws("lambda").invoke(FunctionName=function.name, Payload=json.dumps(event))["Payload"].read()
    )
    return answer
