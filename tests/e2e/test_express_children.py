"""EXPRESS children outlive their execution, and functions outlive EXPRESS children: no event comes too early for it."""

import json
import uuid
from collections.abc import Callable

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually

# A chunk of three such items, one after another, takes most of the processors' timeout.
SLOW_MS = 700
SETTLE_SECONDS = 15


def slow_chunks(stacks: Stacks, chunks: int, **fields: object) -> tuple[str, list[dict], str, str]:
    """A batch of chunks of three slow items: what its items begin with, they, its id and its execution."""
    prefix, rows = items(3 * chunks, value=SLOW_MS)
    batch_id = f"e2e-{uuid.uuid4().hex[:12]}"
    place = stacks.upload("items.jsonl", json_lines(rows))
    request = {"batchId": batch_id, "input": place, "itemsPerChunk": 3, "itemConcurrency": 1, "maxAttempts": 1}
    return prefix, rows, batch_id, stacks.execute(request | fields, name=batch_id)


def begun(stacks: Stacks, prefix: str) -> None:
    assert stacks.witnessed("sfn", prefix)


def map_run(stacks: Stacks, execution: str) -> dict:
    states = stacks.aws("stepfunctions")
    [run] = states.list_map_runs(executionArn=execution)["mapRuns"]
    return states.describe_map_run(mapRunArn=run["mapRunArn"])


def test_a_regular_end_waits_for_functions_that_outlive_their_children(stacks: Stacks, plan: Plan):
    timed_out = plan({"kind": "express-timeout", "seconds": 0.3})
    prefix, _, batch_id, execution = slow_chunks(stacks, chunks=2)
    detail = stacks.finished(batch_id)
    assert timed_out() == 1
    assert map_run(stacks, execution)["itemCounts"]["timedOut"] == 2
    assert (detail["status"], detail["failed"]) == ("FAILED", 6)
    stacks.assert_untouched_after("sfn", prefix, detail["finishedAt"])
    # They went on with further items.
    assert len(stacks.witnessed("sfn", prefix)) > 2
    [failure, *_] = stacks.failures("sfn", batch_id)
    assert failure["error"].startswith("its execution ended TIMED_OUT")


def test_an_early_end_waits_for_children_that_outlive_their_execution_and_for_their_functions(
    stacks: Stacks, plan: Plan
):
    plan({"kind": "express-timeout", "seconds": 1.0})
    with stacks.batcher_told({"CHUNKS_PER_CHILD": "2"}):
        prefix, _, batch_id, execution = slow_chunks(stacks, chunks=40)
        eventually(lambda: begun(stacks, prefix))
    with stacks.clock.real():
        stacks.aws("stepfunctions").stop_execution(executionArn=execution)

        def over() -> None:
            assert map_run(stacks, execution)["status"] == "ABORTED"

        eventually(over)
        # AWS may tell of an end twice, and at any time after it: now a function of a child that has ended still runs.
        told = {"source": "aws.states", "detail": {"executionArn": execution}}
        stacks.aws("sqs").send_message(
            QueueUrl=stacks.sfn["FinalizerQueueUrl"], MessageBody=json.dumps(told), DelaySeconds=0
        )
        eventually(lambda: everything_ended(stacks))
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("CANCELLED", 120)
    stacks.assert_untouched_after("sfn", prefix, detail["finishedAt"])


def everything_ended(stacks: Stacks) -> None:
    assert not stacks.clock.show()["running"]


def test_a_call_whose_answer_was_lost_is_made_again_only_when_its_function_must_have_ended(stacks: Stacks, plan: Plan):
    # The first calls are those of the batcher and of the trial of the work.
    lost = plan(
        {"kind": "lost-answer", "service": "lambda", "operation": "Invoke", "error": "ServiceException", "after": 2,
         "count": 1}
    )  # fmt: skip
    prefix, rows, batch_id, _ = slow_chunks(stacks, chunks=1)
    detail = stacks.finished(batch_id)
    assert lost() == 1
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 3)
    times = [at for item, at in stacks._calls("sfn", prefix) if item == rows[0]["id"]]
    assert max(times) - min(times) >= SETTLE_SECONDS * 1000


def as_redriven(batch_id: str, bucket: str, chunks: int) -> tuple[Callable[[dict], None], dict]:
    """How Step Functions' own redrive of the batch's execution goes on: at the Map, with the input that it had."""
    made = {
        "batchId": batch_id, "generation": 1, "bucket": bucket, "key": f"children/{batch_id}/1/1.json",
        "itemConcurrency": 1, "maxAttempts": 1, "chunks": chunks, "items": 3 * chunks, "run": 1, "childrenAtOnce": 2,
        "chunksAtOnce": 2,
    }  # fmt: skip
    context = {"executionArn": "an execution", "executionName": batch_id, "startedAt": "2026-11-26T00:00:00.000Z"}
    return lambda document: document.update(StartAt="Process chunks"), {"batch": made, "mapRun": {}, **context}


def test_nothing_of_an_ended_batch_is_processed_by_a_redrive_in_step_functions_itself(stacks: Stacks):
    prefix, rows, batch_id, execution = slow_chunks(stacks, chunks=24)
    eventually(lambda: begun(stacks, prefix))
    stacks.aws("stepfunctions").stop_execution(executionArn=execution)
    first = stacks.finished(batch_id)
    assert (first["status"], first["remaining"] > 0) == ("CANCELLED", True)
    before = stacks.witnessed("sfn", prefix)
    edit, state = as_redriven(batch_id, stacks.sfn["BatchBucketName"], chunks=24)
    with stacks.edited_definition(edit):
        redriven = stacks.execute(state)
        states = stacks.aws("stepfunctions")

        def ended() -> None:
            assert states.describe_execution(executionArn=redriven)["status"] != "RUNNING"

        eventually(ended)
    listed = states.list_executions(mapRunArn=map_run(stacks, redriven)["mapRunArn"])["executions"]
    children = [states.describe_execution(executionArn=child["executionArn"]) for child in listed]
    outcomes = [chunk["outcome"] for child in children for chunk in json.loads(child["output"])]
    assert outcomes == ["LEFT"] * 24
    assert stacks.witnessed("sfn", prefix) == before

    stacks.execute({"redrive": {"batchId": batch_id, "generation": 1}})
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["items"]) == ("SUCCEEDED", first["remaining"])
    assert set(stacks.witnessed("sfn", prefix)) == {row["id"] for row in rows}


def test_a_look_at_the_batch_that_s3_refuses_costs_no_attempt(stacks: Stacks, plan: Plan):
    refused = plan(
        {"kind": "error", "service": "s3", "operation": "GetObject", "error": "AccessDenied", "status": 403, "count": 4,
         "function": stacks.sfn["ProcessorFunctionName"]}
    )  # fmt: skip
    prefix, rows = items(4)
    place = stacks.upload("items.jsonl", json_lines(rows))
    batch_id = stacks.start("sfn", input=place, itemsPerChunk=2, maxAttempts=1)
    detail = stacks.finished(batch_id)
    assert refused() == 4
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 4)
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})
