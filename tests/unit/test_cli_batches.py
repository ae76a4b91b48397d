"""From records and events to progress, results and the object that `--json` prints."""

import dataclasses

import pytest

from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, InputObject, Status
from handlers.sqs.records import Batch, BatchKey
from rollcall.batches.batch import OneBatch, Progress, Result, completion_lag
from rollcall.batches.redrivable import refuse_unless_redrivable
from rollcall.batches.sqs import progress_of, result_of
from rollcall.target.target import SandboxTarget
from rollcall.views.summary import Details, items_per_second, next_commands, summary_rows

DETAIL = {
    "batchId": "b-1",
    "generation": 1,
    "architecture": "sqs",
    "status": "FAILED",
    "items": 1000,
    "succeeded": 990,
    "failed": 10,
    "remaining": 0,
    "chunks": 10,
    "startedAt": "2026-11-23T06:00:00.000Z",
    "finishedAt": "2026-11-23T06:00:04.000Z",
    "durationSeconds": 4.0,
    "reason": None,
}


def batch(**values: object) -> Batch:
    """An open, sealed batch of 1,000 items in ten chunks."""
    made = Batch(
        key=BatchKey("b-1"),
        status=Status.OPEN,
        request=BatchRequest(items=1000, items_per_chunk=100),
        shards=1,
        started_at=1_000_000,
        deadline=2_000_000,
        items=1000,
        chunks=10,
    )
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]


def test_json_is_the_event_with_the_lag() -> None:
    assert Result.from_detail(DETAIL, lag=0.25).to_json() == {
        "batchId": "b-1",
        "generation": 1,
        "architecture": "sqs",
        "status": "FAILED",
        "items": 1000,
        "succeeded": 990,
        "failed": 10,
        "remaining": 0,
        "chunks": 10,
        "startedAt": "2026-11-23T06:00:00.000Z",
        "finishedAt": "2026-11-23T06:00:04.000Z",
        "durationSeconds": 4.0,
        "completionLagSeconds": 0.25,
        "reason": None,
    }


def test_lag_is_in_seconds_to_the_millisecond() -> None:
    assert completion_lag(1_700_000_000_312, 1_700_000_000_000) == 0.312


def test_lag_of_a_batch_without_chunks_is_unknown() -> None:
    assert completion_lag(1_700_000_000_312, None) is None


def test_rate_counts_only_items_that_reached_an_end() -> None:
    result = Result.from_detail({**DETAIL, "remaining": 200, "succeeded": 800, "failed": 0})
    assert items_per_second(result) == 200


@pytest.mark.parametrize("duration", [None, 0.0])
def test_rate_without_a_duration_is_unknown(duration: float | None) -> None:
    assert items_per_second(Result("b", "sqs", "SUCCEEDED", items=0, duration_seconds=duration)) is None


def test_summary_tells_the_reason_only_when_there_is_one() -> None:
    assert "reason" not in dict(summary_rows(Result.from_detail(DETAIL), Details()))
    expired = Result.from_detail({**DETAIL, "status": "EXPIRED", "reason": "deadline"})
    assert dict(summary_rows(expired, Details()))["reason"] == "deadline"


def test_results_are_told_where_the_stack_collects_them() -> None:
    result, collected = Result.from_detail(DETAIL), Details(results="s3://mine/results/b-1/")
    assert dict(summary_rows(result, collected))["results"] == "s3://mine/results/b-1/"
    assert "results" not in dict(summary_rows(result, Details()))
    assert "rollcall results b-1" in next_commands(result, SandboxTarget(), has_results=True)
    assert "rollcall results b-1" not in next_commands(result, SandboxTarget())
    nothing = dataclasses.replace(result, succeeded=0)
    assert "rollcall results b-1" not in next_commands(nothing, SandboxTarget(), has_results=True)


def test_every_chunk_but_those_left_is_done() -> None:
    progress = progress_of(batch(), 1000, 10, chunks_left=3, failed=7)
    assert progress == Progress("processing", 1000, 700, 7, chunks=10, unmade_segments=0, started_at=1_000_000)
    assert progress.remaining == 300


def test_without_chunks_left_everything_is_done_even_if_the_last_chunk_was_short() -> None:
    progress = progress_of(batch(items=950), 950, 10, chunks_left=0, failed=0)
    assert (progress.stage, progress.done) == ("finishing", 950)


def test_records_ahead_of_the_cursor_never_make_the_count_negative() -> None:
    forming = batch(segments=frozenset({0, 3}), expected=1000, items=0, chunks=0)
    progress = progress_of(forming, 100, 1, chunks_left=8, failed=0)
    assert progress == Progress("forming chunks", 1000, 0, 0, unmade_segments=2, started_at=1_000_000)


def test_how_many_real_items_there_are_is_known_once_the_batch_is_sealed() -> None:
    request = BatchRequest(input=InputObject("bucket", "items.csv"))
    forming = batch(segments=frozenset({0}), request=request, items=0, chunks=0)
    assert progress_of(forming, 300, 3, chunks_left=1, failed=0).items is None
    assert progress_of(batch(request=request, items=420), 420, 5, chunks_left=1, failed=0).items == 420


@pytest.mark.parametrize(
    ("values", "stage"), [({"stalled": True}, "stalled"), ({"cancelled": True}, "being cancelled")]
)
def test_what_holds_a_batch_up_is_its_stage(values: dict[str, object], stage: str) -> None:
    assert progress_of(batch(**values), 1000, 10, chunks_left=3, failed=0).stage == stage


def test_a_finished_record_is_a_result() -> None:
    record = batch(status=Status.SUCCEEDED, succeeded=1000, failed=0, remaining=0, finished_at=1_004_500)
    result = result_of(record)
    assert (result.status, result.succeeded, result.duration_seconds) == ("SUCCEEDED", 1000, 4.5)
    assert result.started_at == "1970-01-01T00:16:40.000Z"


def result(**values: object) -> Result:
    return dataclasses.replace(Result.from_detail(DETAIL), **values)  # type: ignore[arg-type]


def test_what_failed_can_be_listed_and_run_again() -> None:
    assert next_commands(result(failed=1, remaining=1200), SandboxTarget(port=4567)) == {
        "rollcall failures b-1 --port 4567": "each item that failed, and why",
        "rollcall redrive b-1 --port 4567": "run the 1 item that failed and the 1,200 items that remained again",
    }
    assert list(next_commands(result(failed=0, remaining=5), SandboxTarget())) == ["rollcall redrive b-1"]
    assert next_commands(result(failed=0), SandboxTarget()) == {}


class Nowhere:
    """Batches of which nothing is asked."""

    architecture = "sqs"


@pytest.mark.parametrize(
    "ended",
    [
        result(failed=3),
        result(failed=0, remaining=3, status="CANCELLED"),
        result(failed=0, status="EXPIRED", reason="its input was not read to the end"),
    ],
)
def test_what_left_something_to_run_can_be_redriven(ended: Result) -> None:
    assert refuse_unless_redrivable(OneBatch(Nowhere(), "b-1"), ended) is ended  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, "still runs"),
        (Progress("processing", 10, 5, 0), "still runs"),
        (result(status="SUCCEEDED", failed=0), "nothing to redrive: all of its 1,000 items succeeded"),
        (result(items=0, failed=0, reason="items: -1"), "it was FAILED before it had an item: items: -1"),
        (Result("b-1", "sfn", "SKIPPED", reason="b-0 was still running"), "SKIPPED before it had an item: b-0 was"),
    ],
)
def test_what_left_nothing_to_run_is_not_redriven(seen: Progress | Result | None, said: str) -> None:
    with pytest.raises(Problem, match="batch b-1, generation 2") as problem:
        refuse_unless_redrivable(OneBatch(Nowhere(), "b-1", 2), seen)  # type: ignore[arg-type]
    assert said in str(problem.value)
