"""MiniStack's own faults that our stacks meet: each is expected, with its reason, and is told when it is mended.

Then the function that works round it in bench/ministack/workarounds.py goes, and its test here.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.executor_deploy import Function, create
from tests.portability.observed import Observed

SOURCE = """
import os


def handler(event, context):
    if event == "print":
        os.write(1, b"printed\\n")
    if event == "raise":
        raise KeyError("no such thing")
    return os.environ.get("SETTING")
"""


def fault(reason: str) -> pytest.MarkDecorator:
    """It is known: if it is mended, the test fails and says so."""
    return pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)


@pytest.fixture(scope="module")
def function(aws: Callable[[str], Any]) -> Function:
    return create(aws, source=SOURCE)


@fault("numbers_as_numbers: a !Ref to a Number gives an event source a string, and its poller stops at the comparison")
def test_an_event_source_polls_within_the_limit_that_a_parameter_gives(observed: Observed):
    assert observed.polls_chunks


@fault("without_context_in_result_selector: `$$.` in a ResultSelector is null")
def test_a_result_selector_reads_the_executions_context(observed: Observed):
    assert observed.outputs["Make chunks"]["executionName"] == observed.sfn_batch


@fault("without_map_result: ResultWriter is ignored, so a Map's result has no MapRunArn")
def test_a_distributed_map_with_a_result_writer_says_which_map_run_it_was(observed: Observed):
    assert observed.outputs["Process chunks"]["mapRun"]["mapRunArn"]


@fault("KEEPS_ENVIRONMENTS: warm environments stay after a change of a function's configuration")
def test_a_change_of_a_functions_settings_is_in_effect_in_its_next_invocation(function: Function):
    function.invoke("warm")
    function.update_configuration(Environment={"Variables": {"SETTING": "new"}})
    assert function.invoke("").payload == "new"


@fault("what a function prints is taken for its answer")
def test_what_a_function_prints_is_a_line_of_its_log_and_not_its_answer(function: Function):
    answer = function.invoke("print")
    assert (answer.payload, "printed" in answer.log) == (None, True)


@fault("a function's exception loses its class, so no Retry or Catch of a state finds it")
def test_an_exception_of_a_function_keeps_its_class(function: Function):
    assert function.invoke("raise").payload["errorType"] == "KeyError"
