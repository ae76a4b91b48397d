"""Step Functions' lists of children lag, their page tokens expire, their reads are throttled: nothing is lost by it."""

from collections.abc import Iterator

import pytest

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually


@pytest.fixture(autouse=True)
def one_chunk_a_child(stacks: Stacks) -> Iterator[None]:
    """So that there are pages of children."""
    with stacks.batcher_told({"CHUNKS_PER_CHILD": "1"}):
        yield


def succeeded(stacks: Stacks, execution: str) -> int:
    states = stacks.aws("stepfunctions")
    runs = states.list_map_runs(executionArn=execution)["mapRuns"]
    return states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]["succeeded"] if runs else 0


def cancelled_batch(stacks: Stacks, done: int) -> tuple[str, list[str], str]:
    """A batch of an item a chunk that was cancelled when `done` of them were: what its items begin with, ids, its id.

    EXPRESS children go on after a stop, so that each item was either processed, and recorded as done, or not begun.
    """
    prefix, rows = items(done + 20)
    for row in rows[done:]:
        row["value"] = 400
    batch_id = f"lists-{prefix}"
    place = stacks.upload("items.jsonl", json_lines(rows))
    execution = stacks.execute({"batchId": batch_id, "input": place, "itemsPerChunk": 1}, name=batch_id)

    def enough() -> None:
        assert succeeded(stacks, execution) >= done

    eventually(enough)
    stacks.aws("stepfunctions").stop_execution(executionArn=execution)
    first = stacks.finished(batch_id)
    assert (first["status"], first["remaining"] > 0) == ("CANCELLED", True), first
    return prefix, [row["id"] for row in rows], batch_id


def assert_redrive_runs_what_was_left_and_nothing_twice(
    stacks: Stacks, prefix: str, ids: list[str], batch_id: str, generation: int = 2
) -> None:
    detail = stacks.finished(batch_id, generation)
    assert (detail["status"], detail["failed"], detail["remaining"]) == ("SUCCEEDED", 0, 0)
    stacks.assert_witnessed("sfn", prefix, dict.fromkeys(ids, 1))


def redrive(stacks: Stacks, batch_id: str, generation: int = 1) -> None:
    stacks.execute({"redrive": {"batchId": batch_id, "generation": generation}})


def test_a_redrive_processes_nothing_again_though_children_that_are_done_are_not_listed_yet(stacks: Stacks, plan: Plan):
    prefix, ids, batch_id = cancelled_batch(stacks, done=4)
    lags = plan({"kind": "stale-list", "operation": "ListExecutions", "seconds": 120})
    redrive(stacks, batch_id)
    assert_redrive_runs_what_was_left_and_nothing_twice(stacks, prefix, ids, batch_id)
    assert lags() > 1


def test_a_redrive_that_died_among_its_pages_can_be_tried_again_after_their_tokens_expired(stacks: Stacks, plan: Plan):
    prefix, ids, batch_id = cancelled_batch(stacks, done=15)
    # Its pages have 10 children each.
    with stacks.timeout_of("Batcher", 8):
        # Its tries die on the second page, whose token is stored with the first.
        killed = plan(
            {"kind": "kill", "when": "before", "operation": "DescribeExecution", "after": 10,
             "function": stacks.sfn["BatcherFunctionName"]}
        )  # fmt: skip
        redrive(stacks, batch_id)
        assert stacks.finished(batch_id, 2)["status"] == "FAILED"
        assert killed() >= 4
        plan()
        stacks.clock.advance(25 * 3600)
        redrive(stacks, batch_id, generation=2)
    assert_redrive_runs_what_was_left_and_nothing_twice(stacks, prefix, ids, batch_id, generation=3)


def test_a_redrive_comes_through_at_the_quota_of_describing_children_in_many_rounds(stacks: Stacks, plan: Plan):
    prefix, ids, batch_id = cancelled_batch(stacks, done=60)
    throttled = plan({"kind": "quota", "operation": "DescribeExecution", "per_second": 10, "burst": 10})
    with stacks.timeout_of("Batcher", 4):
        redrive(stacks, batch_id)
        assert_redrive_runs_what_was_left_and_nothing_twice(stacks, prefix, ids, batch_id)
    assert throttled() > 0
