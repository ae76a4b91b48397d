"""However a batch of the Step Functions architecture ends, it ends in one event, and nothing is processed after it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from handlers.sfn.store import BatchObjects
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks, states_of_a_chunk
from tests.e2e.test_endings import a_failed_child, assert_drained
from tests.faults import Plan
from tests.probes import consistently, eventually

pytestmark = pytest.mark.usefixtures("both_child_types", "two_chunks_a_child")


@pytest.fixture
def two_chunks_a_child(stacks: Stacks) -> Iterator[None]:
    """So few that children have ended, and others have not begun, when a test stops a batch of twenty chunks."""
    with stacks.batcher_told({"CHUNKS_PER_CHILD": "2"}):
        yield


def new_id() -> str:
    return f"e2e-{uuid.uuid4().hex[:12]}"


def objects(stacks: Stacks, batch_id: str, generation: int = 1) -> BatchObjects:
    return BatchObjects(stacks.aws("s3"), stacks.sfn["BatchBucketName"], batch_id, generation)


def slow_batch(stacks: Stacks, count: int = 1_000, **fields: Any) -> tuple[str, list[dict], str, str]:
    """A batch of items whose functions work half a second each: what its items begin with, they, its id, its ARN."""
    prefix, rows = items(count, value=10)
    batch_id = new_id()
    place = stacks.upload("items.jsonl", json_lines(rows))
    request = {"batchId": batch_id, "input": place, "itemsPerChunk": 50, "itemConcurrency": 1, **fields}
    return prefix, rows, batch_id, stacks.execute(request, name=batch_id)


def redrive(stacks: Stacks, batch_id: str, generation: int = 1) -> str:
    return stacks.execute({"redrive": {"batchId": batch_id, "generation": generation}})


def ended(stacks: Stacks, arn: str) -> dict:
    """Wait for the execution's end and return it."""

    def once() -> dict:
        execution = stacks.aws("stepfunctions").describe_execution(executionArn=arn)
        assert execution["status"] != "RUNNING"
        return execution

    return eventually(once)


def some_settled(stacks: Stacks, arn: str) -> None:
    states = stacks.aws("stepfunctions")
    runs = states.list_map_runs(executionArn=arn)["mapRuns"]
    assert runs
    assert states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]["succeeded"] > 0


def some_running(stacks: Stacks, arn: str) -> None:
    states = stacks.aws("stepfunctions")
    runs = states.list_map_runs(executionArn=arn)["mapRuns"]
    assert runs
    assert states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]["running"] > 0


def assert_same(one: object, other: object) -> None:
    assert one == other


def assert_published(stacks: Stacks, batch_id: str, kind: str, times: int) -> None:
    assert len(stacks.published(batch_id, kind)) == times


def test_a_stopped_batch_ends_cancelled_when_nothing_works_on_it_and_a_redrive_runs_what_was_left(stacks: Stacks):
    prefix, rows, batch_id, arn = slow_batch(stacks)
    eventually(lambda: some_settled(stacks, arn))
    refused = redrive(stacks, batch_id)
    stacks.aws("stepfunctions").stop_execution(executionArn=arn, error="Cancelled", cause="told to stop")
    first = stacks.finished(batch_id)
    assert (first["status"], first["items"], first["failed"]) == ("CANCELLED", 1_000, 0)
    assert 0 < first["remaining"] < 1_000
    assert first["reason"] == "execution ABORTED: Cancelled told to stop"
    stacks.assert_untouched_after("sfn", prefix, first["finishedAt"])
    execution = ended(stacks, refused)
    assert (execution["status"], execution["error"]) == ("FAILED", "RequestRefused")
    assert execution["cause"] == f"redrive: batch {batch_id}, generation 1: it has not ended"

    redrive(stacks, batch_id)
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["items"]) == ("SUCCEEDED", first["remaining"])
    assert [each["generation"] for each in stacks.published(batch_id)] == [1, 2]

    def every_item_once_but_those_of_chunks_in_flight() -> None:
        witnessed = stacks.witnessed("sfn", prefix)
        assert set(witnessed) == {row["id"] for row in rows}
        assert len([count for count in witnessed.values() if count > 1]) <= 4 * 50

    eventually(every_item_once_but_those_of_chunks_in_flight)


@pytest.mark.real_clock
def test_past_its_deadline_an_execution_ends_its_batch_expired(stacks: Stacks):
    with stacks.edited_definition(lambda document: document.update(TimeoutSeconds=4)):
        prefix, _, batch_id, _ = slow_batch(stacks, 2_000)
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("EXPIRED", 2_000)
    assert detail["remaining"] > 0
    stacks.assert_untouched_after("sfn", prefix, detail["finishedAt"])


def test_a_failed_map_run_ends_its_batch_failed_when_nothing_works_on_it(stacks: Stacks):
    def fail_with_the_first_child(document: dict) -> None:
        chunks = document["States"]["Process chunks"]
        del chunks["ToleratedFailurePercentage"]
        del states_of_a_chunk(document)["Process"]["Catch"]

    prefix, rows = items(1_000, value=10)
    rows[120]["do"] = "die"
    place = stacks.upload("items.jsonl", json_lines(rows))
    with stacks.edited_definition(fail_with_the_first_child), stacks.batcher_told({"CHUNKS_PER_CHILD": "1"}):
        detail = stacks.finished(stacks.start("sfn", input=place, itemsPerChunk=50, itemConcurrency=1))
    assert (detail["status"], detail["failed"]) == ("FAILED", 50)
    assert detail["remaining"] > 0
    assert "ExceedToleratedFailureThreshold" in detail["reason"]
    stacks.assert_untouched_after("sfn", prefix, detail["finishedAt"])
    failures = stacks.failures("sfn", detail["batchId"])
    assert {failure["item"]["id"] for failure in failures} == {row["id"] for row in rows[100:150]}


def test_a_function_that_dies_of_an_item_dies_of_it_alone_once_more_in_each_attempt(stacks: Stacks):
    prefix, rows = items(4)
    rows[3]["do"] = "die"
    batch_id = stacks.start(
        "sfn",
        input=stacks.upload("items.jsonl", json_lines(rows)),
        itemsPerChunk=2,
        itemConcurrency=1,
        maxAttempts=2,
    )
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 3, 1)
    assert {failure["attempts"] for failure in stacks.failures("sfn", batch_id)} == {2}
    # Its neighbour of the same chunk is processed again, as the function died before it could say that it was done.
    expected = {rows[0]["id"]: 1, rows[1]["id"]: 1, rows[2]["id"]: 2, rows[3]["id"]: 4}
    stacks.assert_witnessed("sfn", prefix, expected)


def untold(stacks: Stacks) -> dict[str, str]:
    """The fault that no event tells how executions end."""
    [rule] = stacks.aws("cloudformation").describe_stack_resources(
        StackName=f"SfnBatchProcessing{stacks.suffix}", LogicalResourceId="UnfinishedRule"
    )["StackResources"]
    return {"kind": "drop-event", "rule": rule["PhysicalResourceId"]}


def test_the_sweep_ends_a_batch_whose_end_no_event_told(stacks: Stacks, plan: Plan):
    dropped = plan(untold(stacks))
    _, _, batch_id, arn = slow_batch(stacks)
    eventually(lambda: some_settled(stacks, arn))
    stacks.aws("stepfunctions").stop_execution(executionArn=arn)
    eventually(lambda: assert_same(dropped(), 1))
    # It leaves out the executions of which an event may be on its way.
    sweep = json.dumps({"sweep": stacks.sfn["StateMachineArn"]})
    stacks.aws("sqs").send_message(QueueUrl=stacks.sfn["FinalizerQueueUrl"], MessageBody=sweep, DelaySeconds=20)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("CANCELLED", 1_000)


@pytest.mark.real_clock
@pytest.mark.parametrize(
    ("call", "times"),
    [({"operation": "PutEvents"}, 1), ({"operation": "PutObject", "after": 2}, 2)],
    ids=["before it publishes", "before it records that it has"],
)
def test_a_finalizer_that_dies_is_replaced_by_one_that_says_the_same(stacks: Stacks, plan: Plan, call, times):
    """Its objects are the ending, the manifest of results, and that it has published."""
    finalizer = stacks.sfn["FinalizerFunctionName"]
    killed = plan({"kind": "kill", "when": "before", "function": finalizer, "count": 1, **call})
    batch_id = stacks.start("sfn", items=40, itemsPerChunk=10)
    eventually(lambda: assert_published(stacks, batch_id, "Batch Finished", times))
    assert killed() == 1
    details = stacks.published(batch_id)
    consistently(lambda: assert_published(stacks, batch_id, "Batch Finished", times), during=1)
    assert all(detail == details[0] for detail in details)
    assert (details[0]["status"], details[0]["succeeded"]) == ("SUCCEEDED", 40)


def test_a_mistake_in_the_finalizer_ends_its_batch_failed_with_the_reason(stacks: Stacks):
    """What the batcher made cannot be read: nothing but the code, or whoever writes there, is to blame."""
    _, _, batch_id, arn = slow_batch(stacks)
    eventually(lambda: some_settled(stacks, arn))
    objects(stacks, batch_id).objects.put(f"made/{batch_id}/1.json", {"somebody": "else's"})
    stacks.aws("stepfunctions").stop_execution(executionArn=arn)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 0, 0)
    assert detail["reason"].startswith("a mistake in the code, met 5 times by its finalizer: TypeError: ")


def test_a_redrive_runs_only_what_failed_as_the_next_generation_with_its_own_event(stacks: Stacks):
    prefix, rows = items(30)
    for row in rows[::10]:
        row["do"] = "fail-once"
    batch_id = stacks.start(
        "sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10, maxAttempts=1
    )
    assert stacks.finished(batch_id)["failed"] == 3
    executions = [redrive(stacks, batch_id) for _ in range(2)]
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["items"], second["succeeded"]) == ("SUCCEEDED", 3, 3)
    assert {ended(stacks, arn)["status"] for arn in executions} == {"SUCCEEDED"}
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
    assert objects(stacks, batch_id).latest_generation() == 2
    assert [each["generation"] for each in stacks.published(batch_id)] == [1, 2]


def test_results_are_collected_once_an_item_also_of_rounds_that_were_cut_short(stacks: Stacks):
    _, rows = items(16, value=200)
    for number, row in enumerate(rows):
        row["result"] = {"number": number}
    del rows[3]["result"]
    rows[4]["do"] = "fail-once"
    batch_id = stacks.start(
        "sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=16, itemConcurrency=1
    )
    assert stacks.finished(batch_id)["succeeded"] == 16
    assert stacks.results(batch_id) == {row["id"]: row["result"] for row in rows if "result" in row}


def test_what_is_no_item_is_recorded_and_never_tried_again(stacks: Stacks):
    prefix, rows = items(3)
    rows[1]["do"] = "fail-once"
    content = json_lines(rows) + b"not json\n"
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", content), maxAttempts=3)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 3, 1)
    [failure] = stacks.failures("sfn", batch_id)
    assert failure["error"].startswith("InvalidItem: ")
    stacks.assert_witnessed("sfn", prefix, {rows[0]["id"]: 1, rows[1]["id"]: 2, rows[2]["id"]: 1})


def failed_children(stacks: Stacks, batch_id: str) -> list[str]:
    """The ARNs of the batch's children that failed."""
    states = stacks.aws("stepfunctions")
    execution = objects(stacks, batch_id).find_owner()
    [run] = states.list_map_runs(executionArn=execution)["mapRuns"]
    found = states.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED")["executions"]
    return [child["executionArn"] for child in found]


def test_the_end_of_a_child_starts_no_batch(stacks: Stacks):
    with a_failed_child(stacks) as (batch_id, _):
        stacks.finished(batch_id)
    [child] = failed_children(stacks, batch_id)
    event = {"source": "aws.states", "detail": {"executionArn": child, "status": "FAILED"}}
    stacks.send(stacks.sfn["FinalizerQueueUrl"], event)
    eventually(lambda: assert_drained(stacks, stacks.sfn["FinalizerQueueUrl"], json.dumps(event)))
    name = child.rpartition(":")[2]
    assert objects(stacks, name).find_started() is None
    assert stacks.published(name) == []


def test_a_child_that_aws_has_forgotten_keeps_no_batch_from_its_end(stacks: Stacks, plan: Plan):
    forgotten = {"operation": "DescribeExecution", "error": "ExecutionDoesNotExist"}
    plan({"kind": "error", "function": stacks.sfn["FinalizerFunctionName"], **forgotten})
    longer = stacks.edited_definition(lambda document: document.update(TimeoutSeconds=3600))
    with longer, a_failed_child(stacks) as (batch_id, _):
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"], detail["remaining"]) == ("FAILED", 15, 0, 5)
    assert detail["reason"].startswith("15 minutes after its Map Run's end 3 of 4 chunks are accounted for")
    assert detail["durationSeconds"] > 15 * 60
    redrive(stacks, batch_id)
    second = stacks.finished(batch_id, 2)
    assert (second["items"], second["failed"]) == (5, 1)
