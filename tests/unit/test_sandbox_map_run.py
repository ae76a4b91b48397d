"""A Map Run counts each child once and knows when too many failed."""

import pytest
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor import (
    map_run_record as records,
)

from sandbox.step_functions.map_run import MapRun


def map_run(total, count=0, percentage=0.0):
    record = records.MapRunRecord(
        state_machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
        execution_arn="arn:aws:states:us-east-1:000000000000:execution:m:e",
        max_concurrency=0,
        tolerated_failure_count=count,
        tolerated_failure_percentage=percentage,
        label=None,
    )
    return MapRun(record, total)


def counts(run):
    described = run.record.item_counter.describe()
    assert described == run.record.execution_counter.describe()
    return {key: value for key, value in described.items() if value}


def test_every_child_moves_from_pending_over_running_to_its_end():
    run = map_run(3)
    assert counts(run) == {"pending": 3, "total": 3}
    first, second = run.start(0, "a"), run.start(1, "b")
    assert counts(run) == {"pending": 1, "running": 2, "total": 3}
    run.end(first, "SUCCEEDED")
    run.end(second, "FAILED", "E", "C")
    assert counts(run) == {"pending": 1, "succeeded": 1, "failed": 1, "resultsWritten": 1, "total": 3}
    assert (second.status, second.error, second.cause, second.input_text()) == ("FAILED", "E", "C", '"b"')
    assert first.input_text() == '"a"'


def test_an_aborted_child_is_not_counted_again_when_it_ends():
    run = map_run(2)
    child = run.start(0, None)
    run.abort_running()
    run.end(child, "SUCCEEDED")
    assert counts(run) == {"pending": 1, "aborted": 1, "total": 2}


def test_a_map_run_that_is_to_end_ends_with_its_last_child_and_starts_none():
    run, ends = map_run(3), []
    first, second = run.start(0, None), run.start(1, None)
    run.stop(lambda: ends.append("first"))
    run.stop(lambda: ends.append("second"))
    assert run.start(2, None) is None
    run.end(first, "SUCCEEDED")
    assert ends == []
    run.end(second, "SUCCEEDED")
    assert ends == ["first"]


@pytest.mark.parametrize(
    ("count", "percentage", "failures", "expected"),
    [
        (0, 0.0, 0, False),
        (0, 0.0, 1, True),
        (2, 0.0, 2, False),
        (2, 0.0, 3, True),
        (0, 30.0, 3, False),
        (0, 30.0, 4, True),
        (0, 100.0, 10, False),
        (5, 20.0, 3, True),
        (2, 50.0, 3, True),
        (5, 50.0, 5, False),
    ],
)
def test_a_map_tolerates_as_many_failures_as_it_says(count, percentage, failures, expected):
    run = map_run(10, count, percentage)
    for index in range(failures):
        run.end(run.start(index, None), "FAILED" if index % 2 else "TIMED_OUT")
    assert run.too_many_failed() is expected
