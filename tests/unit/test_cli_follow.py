"""How long a batch is waited for, and how often it is looked at."""

from types import SimpleNamespace

import pytest

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.follow import START_SECONDS, Patience, pause_after
from rollcall.batches.invocation_errors import InvocationError

EVENT_SECONDS = 90.0

RUNNING = Progress("processing", items=10, done=5, failed=0)
BROKEN = Progress("processing", items=10, done=5, failed=0, trouble="its execution is ABORTED")
ENDED = Result("b-1", "sqs", "SUCCEEDED")


@pytest.fixture
def patience() -> Patience:
    batches = SimpleNamespace(architecture="sqs", event_seconds=EVENT_SECONDS)
    return Patience(OneBatch(batches, "b-1"), now=0)  # type: ignore[arg-type]


def test_a_batch_that_does_not_start_is_waited_for_a_minute(patience: Patience) -> None:
    patience.check(None, START_SECONDS)
    with pytest.raises(Problem, match="b-1: no batcher started it") as problem:
        patience.check(None, START_SECONDS + 1)
    assert problem.value.hint == "see `rollcall logs sqs.batcher`"


def test_a_batch_that_does_not_start_or_end_is_told_with_the_errors_of_its_functions(patience: Patience) -> None:
    error = InvocationError("sqs.batcher", "Runtime.ImportModuleError: No module named 'pandas'", 3, 0)
    told = "within 60 s; batcher failed 3 times: Runtime.ImportModuleError: No module named 'pandas'$"
    with pytest.raises(Problem, match=told):
        patience.check(None, START_SECONDS + 1, [error])
    patience.check(ENDED, 100)
    with pytest.raises(Problem, match="within 90 s; batcher failed 3 times"):
        patience.check(ENDED, 101 + EVENT_SECONDS, [error])


def test_a_running_batch_is_waited_for_as_long_as_it_takes(patience: Patience) -> None:
    for day in range(14):
        patience.check(RUNNING, day * 86_400.0)


@pytest.mark.parametrize(("over", "words"), [(ENDED, "it ended SUCCEEDED"), (BROKEN, "its execution is ABORTED")])
def test_an_event_that_does_not_come_is_waited_for_as_long_as_it_may_take(
    patience: Patience, over: Progress | Result, words: str
) -> None:
    patience.check(RUNNING, 1000)
    patience.check(over, 2000)
    patience.check(over, 2000 + EVENT_SECONDS)
    with pytest.raises(Problem, match=f"b-1: {words}, but no Batch Finished event came"):
        patience.check(over, 2001 + EVENT_SECONDS)


def test_trouble_that_passes_is_forgotten(patience: Patience) -> None:
    patience.check(BROKEN, 0)
    patience.check(RUNNING, EVENT_SECONDS)
    patience.check(BROKEN, EVENT_SECONDS + 1)


@pytest.mark.parametrize(("look", "pause"), [(0.001, 1), (0.1, 1), (0.5, 5), (60, 30)])
def test_a_costly_look_is_taken_less_often(look: float, pause: float) -> None:
    assert pause_after(look) == pause
