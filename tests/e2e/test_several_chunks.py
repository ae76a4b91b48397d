"""Children with several chunks: what one leaves, another takes up; what one cannot record, the finalizer does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks, states_of_a_chunk
from tests.e2e.test_endings import a_chunk_that_no_child_records
from tests.faults import Plan
from tests.probes import eventually


@contextmanager
def late_for_a_second_attempt(stacks: Stacks) -> Iterator[None]:
    """The children of the first Map Run have no time for second attempts, those of the second none for third ones."""

    def edit(document: dict) -> None:
        run = "States.StringToJson(States.Format('-{}', $.batch.run))"
        clock = {"minutes.$": f"States.MathAdd($.attempt, {run})", "before": -60}
        states_of_a_chunk(document)["Clock"]["Parameters"] = clock
        states_of_a_chunk(document)["Time left?"]["Choices"][0]["And"][1]["NumericLessThan"] = 1

    with stacks.edited_definition(edit):
        yield


def map_runs(stacks: Stacks, batch_id: str) -> list[dict]:
    """The Map Runs of a batch's execution, in the order of their starts."""
    states = stacks.aws("stepfunctions")
    arn = stacks.sfn["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{batch_id}"
    found = sorted(states.list_map_runs(executionArn=arn)["mapRuns"], key=lambda run: run["startDate"])
    return [states.describe_map_run(mapRunArn=run["mapRunArn"]) for run in found]


def test_a_child_has_several_chunks_and_reads_them_at_once(stacks: Stacks, plan: Plan):
    read = {"kind": "delay", "seconds": 0, "service": "s3", "operation": "GetObject"}
    by_processors = plan(read | {"function": stacks.sfn["ProcessorFunctionName"]})
    prefix, rows = items(40)
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=2)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["chunks"], detail["succeeded"]) == ("SUCCEEDED", 20, 40)
    [run] = map_runs(stacks, batch_id)
    assert run["itemCounts"]["total"] == 2
    # Each environment has looked whether the batch is stopped, and has read no chunk.
    assert by_processors() < 20
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


def test_chunks_that_no_child_can_read_at_once_are_read_by_their_processors(stacks: Stacks):
    prefix, rows = items(8, text="é" * 40_000)
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=1)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["chunks"], detail["succeeded"]) == ("SUCCEEDED", 8, 8)
    [run] = map_runs(stacks, batch_id)
    assert run["itemCounts"]["total"] == 2
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


def test_items_whose_processors_die_are_recorded_from_the_file_of_chunks(stacks: Stacks, plan: Plan):
    processor = {"function": stacks.sfn["ProcessorFunctionName"]}
    # The first invocation tries the work.
    died = plan({"kind": "kill-invocation", "milliseconds": 1, **processor, "after": 1, "count": 50})
    rows = items(4, text="é" * 40_000, value=2000)[1]  # milliseconds: none is done before its process is killed
    place = stacks.upload("items.jsonl", json_lines(rows))
    detail = stacks.finished(stacks.start("sfn", input=place, itemsPerChunk=1, maxAttempts=1))
    assert (detail["status"], detail["failed"]) == ("FAILED", 4)
    assert died() >= 4


def test_items_whose_processors_die_are_recorded_from_what_another_child_has_left(stacks: Stacks, plan: Plan):
    rows = items(40)[1]
    # Its second attempt is not done before its process is killed. It is the last: after a second no other is begun.
    last = rows[4] | {"do": "fail-once", "value": 1000}
    rows[4] = last
    place = stacks.upload("items.jsonl", json_lines(rows))
    processor = {"function": stacks.sfn["ProcessorFunctionName"]}
    # After the trial and the first attempts at the eight chunks.
    plan({"kind": "kill-invocation", "milliseconds": 1, **processor, "after": 9, "count": 50})
    with late_for_a_second_attempt(stacks):
        batch_id = stacks.start("sfn", input=place, itemsPerChunk=5, itemConcurrency=1, maxAttempts=2)
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["failed"], detail["remaining"]) == ("FAILED", 1, 0)
    assert len(map_runs(stacks, batch_id)) > 1
    [failure] = stacks.failures("sfn", batch_id)
    assert failure["item"]["id"] == last["id"]


def test_what_a_child_has_no_time_for_another_one_does_with_the_attempts_that_were_made(stacks: Stacks):
    prefix, rows = items(40)
    rows[3]["do"], rows[17]["do"], rows[30]["do"] = "fail-once", "fail", "die"
    place = stacks.upload("items.jsonl", json_lines(rows))
    with late_for_a_second_attempt(stacks):
        batch_id = stacks.start("sfn", input=place, itemsPerChunk=5, itemConcurrency=1, maxAttempts=2)
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["failed"], detail["remaining"]) == ("FAILED", 40, 2, 0)
    first, *later = map_runs(stacks, batch_id)
    assert later
    assert all(run["status"] == "SUCCEEDED" for run in (first, *later))
    failures = {failure["item"]["id"]: failure["attempts"] for failure in stacks.failures("sfn", batch_id)}
    assert failures == {rows[17]["id"]: 2, rows[30]["id"]: 2}
    witnessed = stacks.witnessed("sfn", prefix)
    assert set(witnessed) == {row["id"] for row in rows}
    assert (witnessed[rows[3]["id"]], witnessed[rows[17]["id"]]) == (2, 2)
    assert all(witnessed[row["id"]] == 1 for row in rows[:30] if "do" not in row)


def test_failures_that_no_child_could_record_are_recorded_by_the_finalizer_with_their_errors(stacks: Stacks):
    with a_chunk_that_no_child_records(stacks) as (batch_id, rows):
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 19, 1)
    [failure] = stacks.failures("sfn", batch_id)
    assert (failure["item"]["id"], failure["attempts"]) == (rows[7]["id"], 1)
    assert "ValueError" in failure["error"] or "fail" in failure["error"]
    [run] = map_runs(stacks, batch_id)
    assert run["itemCounts"]["failed"] == 0


def test_a_stopped_batch_keeps_what_its_children_had_finished_and_begins_no_more_of_their_chunks(stacks: Stacks):
    prefix, rows = items(240, value=200)
    place = stacks.upload("items.jsonl", json_lines(rows))
    batch_id = stacks.start("sfn", input=place, itemsPerChunk=3, itemConcurrency=1)

    def some_done() -> None:
        assert len(stacks.witnessed("sfn", prefix)) > 12

    eventually(some_done)
    arn = stacks.sfn["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{batch_id}"
    stacks.aws("stepfunctions").stop_execution(executionArn=arn)
    first = stacks.finished(batch_id)
    assert first["status"] == "CANCELLED"
    assert 0 < first["remaining"] < 240
    stacks.assert_untouched_after("sfn", prefix, first["finishedAt"])
    done = sum(
        chunk["outcome"] == "DONE"
        for run in map_runs(stacks, batch_id)
        for child in stacks.aws("stepfunctions").list_executions(mapRunArn=run["mapRunArn"])["executions"]
        for chunk in json.loads(
            stacks.aws("stepfunctions").describe_execution(executionArn=child["executionArn"])["output"]
        )
    )
    assert first["succeeded"] == 3 * done
    stacks.execute({"redrive": {"batchId": batch_id, "generation": 1}})
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["items"]) == ("SUCCEEDED", first["remaining"])
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})
