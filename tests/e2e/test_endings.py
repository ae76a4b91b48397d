"""However a batch ends, it ends in one event: duplicates, deadlines, dead letters, strangers and dead finalizers."""

import html
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from handlers.core.batch import BatchRequest, Status
from handlers.core.items import chunks
from handlers.sqs.batcher import WINDOW_CHUNKS
from handlers.sqs.messages import FinalizerMessage, Lane, chunk_body
from handlers.sqs.records import Batch, BatchKey, ChunkKey, Segment
from handlers.sqs.segments import MAX_CHUNK_BYTES
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import Stacks, states_of_a_chunk
from tests.faults import Plan
from tests.probes import consistently, eventually


def new_id() -> str:
    return f"e2e-{uuid.uuid4().hex[:12]}"


def chunk_messages(key: BatchKey, request: BatchRequest, rows: list[dict], deadline: int) -> list[str]:
    """The messages that a batch of these items sends to the chunk queue."""
    stream = chunks(rows, request.items_per_chunk, MAX_CHUNK_BYTES)
    return [chunk_body(ChunkKey(key, 0, chunk.seq), request, deadline, chunk.items) for chunk in stream]


def open_batch(stacks: Stacks, deadline_ms: int, items: int = 10) -> BatchKey:
    """A batch that is under way as if its batcher had put the record and died."""
    key = BatchKey(new_id())
    request = BatchRequest(items=items, items_per_chunk=5)
    started = stacks.clock.now_ms()
    stacks.table.create_batch(
        Batch(
            key, Status.OPEN, request, 1, started, started + deadline_ms,
            segments=frozenset({0}), segment_length=items, extent=items, expected=items,
        )
    )  # fmt: skip
    return key


def test_every_message_of_a_batch_delivered_twice_processes_each_item_once(stacks: Stacks):
    prefix, rows = items(60, value=40)
    key = BatchKey(new_id())
    request = {
        "batchId": key.batch_id,
        "input": stacks.upload("items.jsonl", json_lines(rows)),
        "itemsPerChunk": 10,
        "itemConcurrency": 2,
    }
    copies = chunk_messages(key, BatchRequest.parse(request), rows, stacks.clock.now_ms() + 3_600_000)
    for _ in range(2):
        stacks.request(request)
    stacks.request(Lane(key).event())
    eventually(lambda: assert_chunks_made(stacks, key))
    for body in copies:
        stacks.send(stacks.sqs["ChunkQueueUrl"], body)
    for check in (False, True):
        stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=check).body())
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 60)
    for body in copies:
        stacks.send(stacks.sqs["ChunkQueueUrl"], body)
    eventually(lambda: assert_drained(stacks, stacks.sqs["ChunkQueueUrl"], key.batch_id))
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 1 for row in rows})
    assert len(stacks.published(key.batch_id)) == 1


def assert_chunks_made(stacks: Stacks, key: BatchKey) -> None:
    batch = stacks.table.get_batch(key.batch_id)
    assert batch
    assert batch.sealed or stacks.table.count_chunks(batch)


@pytest.mark.real_clock
def test_past_its_deadline_a_batch_ends_expired_and_counts_what_remains_although_reads_lag(stacks: Stacks, plan: Plan):
    plan({"kind": "stale-list", "service": "dynamodb", "seconds": 3600})
    batch_id = stacks.start(
        "sqs", items=100, maxValue=1000, itemsPerChunk=5, itemConcurrency=1, deadlineSeconds=4
    )  # fmt: skip
    detail = stacks.finished(batch_id)
    assert detail["status"] == "EXPIRED"
    assert detail["remaining"] > 0
    assert detail["succeeded"] + detail["remaining"] == 100
    assert "deadline" in detail["reason"]


@pytest.mark.real_clock
def test_an_early_end_waits_for_the_batcher_that_is_still_at_it(stacks: Stacks):
    with stacks.clock.real():
        key, now = open_batch(stacks, deadline_ms=1_000), stacks.clock.now_ms()
        segment = stacks.table.claim_segment(key, 0, now, now + 8_000)
        assert isinstance(segment, Segment)
        stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
        stacks.clock.advance(3)
        assert stacks.published(key.batch_id) == []
        stacks.table.put_chunks({ChunkKey(key, 0, 0): 5}, now)
        assert stacks.table.advance_segment(key, replace(segment, next_chunk=1, next_item=5))
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["items"], detail["remaining"], detail["chunks"]) == ("EXPIRED", 10, 10, 1)
    assert not stacks.table.advance_segment(key, replace(segment, next_chunk=2, next_item=10))


def test_a_second_bad_request_with_a_batchs_id_does_not_end_the_batch(stacks: Stacks):
    batch_id = stacks.start("sqs", items=40, maxValue=50, itemsPerChunk=5, itemConcurrency=1)
    # Of two messages either may come first.
    eventually(lambda: assert_known(stacks, batch_id))
    stacks.request({"batchId": batch_id, "items": -1})
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 40)


def assert_known(stacks: Stacks, batch_id: str) -> None:
    assert stacks.table.get_batch(batch_id)


def test_a_batch_whose_batcher_died_is_gone_on_with_at_its_next_check(stacks: Stacks):
    key = open_batch(stacks, deadline_ms=3_600_000)
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 10)


def held_batch(stacks: Stacks, deadline_ms: int) -> BatchKey:
    """A batch whose one segment is in a batcher's hands beyond its deadline, as if that one hung."""
    key, now = open_batch(stacks, deadline_ms), stacks.clock.now_ms()
    assert isinstance(stacks.table.claim_segment(key, 0, now, now + deadline_ms + 500), Segment)
    return key


@pytest.mark.real_clock
def test_a_batch_whose_batcher_hangs_is_told_stalled_once_and_ends_at_its_deadline(stacks: Stacks):
    key = held_batch(stacks, deadline_ms=14_000)
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["items"], detail["remaining"]) == ("EXPIRED", 10, 10)
    [stalled] = stacks.published(key.batch_id, "Batch Stalled")
    assert stalled["why"].startswith("it is not sealed: segment 0 has ")


def test_a_check_that_came_round_often_and_fails_once_comes_again_at_its_next_turn(stacks: Stacks, plan: Plan):
    finalizer = {"service": "events", "operation": "PutEvents", "function": stacks.sqs["FinalizerFunctionName"]}
    # The first is Batch Stalled. The SDK itself does not try this error again.
    faults = plan({"kind": "error", **finalizer, "after": 1, "count": 1, "error": "ExpiredToken", "status": 400})
    key = held_batch(stacks, deadline_ms=14_000)
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    assert stacks.finished(key.batch_id)["status"] == "EXPIRED"
    assert faults() == 1


def test_a_finalizer_that_died_before_publishing_is_replaced_by_one_that_says_the_same(stacks: Stacks):
    key = BatchKey(new_id())
    now = stacks.clock.now_ms()
    ended = Batch(
        key, Status.SUCCEEDED, BatchRequest(), 1, now, now, succeeded=7, failed=0, remaining=0, finished_at=now
    )
    stacks.table.create_batch(ended)
    for _ in range(3):
        stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=False).body())
    eventually(lambda: assert_published(stacks, key.batch_id, 1))
    consistently(lambda: assert_published(stacks, key.batch_id, 1), during=1)
    assert stacks.published(key.batch_id)[0]["succeeded"] == 7


def test_a_request_that_lambda_gives_up_ends_its_batch_failed_with_the_cause(stacks: Stacks):
    functions, name = stacks.aws("lambda"), stacks.sqs["BatcherFunctionName"]
    waiter = functions.get_waiter("function_updated_v2")
    handler = functions.get_function_configuration(FunctionName=name)["Handler"]
    functions.update_function_configuration(FunctionName=name, Handler="handlers.nowhere.handler")
    waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    try:
        named = stacks.start("sqs", items=5)
        unnamed = stacks.request({"items": 5})
        # It tries again after a minute and after two more.
        for batch_id in (named, unnamed):
            detail = stacks.finished(batch_id)
            assert (detail["status"], detail["items"]) == ("FAILED", 0)
            assert "its request was given up: Unable to import module 'handlers.nowhere'" in detail["reason"]
    finally:
        functions.update_function_configuration(FunctionName=name, Handler=handler)
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.1})


def test_a_start_that_eventbridge_could_not_deliver_to_the_batcher_ends_its_batch_failed(stacks: Stacks):
    second = f"{uuid.uuid4().int % 60:02d}"
    year = 2000 + uuid.uuid4().int % 1000
    event = {"detail-type": "Scheduled Event", "source": "aws.events", "time": f"{year}-11-23T06:00:{second}Z"}
    stacks.send(stacks.sqs["FinalizerQueueUrl"], event)
    detail = stacks.finished(f"scheduled-{year}1123T0600{second}Z")
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert detail["reason"] == "its request was given up: EventBridge could not deliver it"


@pytest.mark.parametrize("body", ["not JSON", "[]", '{"segment": 5}', '{"batchId": "x", "generation": 1}'])
@pytest.mark.parametrize("queue", ["ChunkQueueUrl", "FinalizerQueueUrl"])
def test_a_strangers_message_is_dropped_and_stops_nobody(stacks: Stacks, queue, body):
    stacks.send(stacks.sqs[queue], body)
    eventually(lambda: assert_drained(stacks, stacks.sqs[queue], body))


def assert_drained(stacks: Stacks, url: str, body: str) -> None:
    """No message of that body is left in the queue, in flight or not, by the engine's own listing."""
    assert html.escape(body) not in stacks.listed(url)


def test_an_event_that_is_no_request_ends_a_batch_named_after_it(stacks: Stacks):
    request_id = stacks.request("no object")
    detail = stacks.finished(request_id)
    assert detail["status"] == "FAILED"
    assert "must be a JSON object" in detail["reason"]


@contextmanager
def a_failed_child(stacks: Stacks) -> Iterator[tuple[str, list[dict]]]:
    """The id and the items of a batch of four chunks, of which the second cannot even leave its failures to others.

    It is alone in its child, which fails.
    """

    def leave_nothing(document: dict) -> None:
        states_of_a_chunk(document)["Leave it to the finalizer"] = {"Type": "Fail", "Error": "NotLeft"}

    alone = stacks.batcher_told({"CHUNKS_PER_CHILD": "1"})
    with stacks.edited_definition(leave_nothing), alone, a_chunk_that_no_child_records(stacks) as found:
        yield found


@contextmanager
def a_chunk_that_no_child_records(stacks: Stacks) -> Iterator[tuple[str, list[dict]]]:
    """The id and the items of a batch of four chunks, of which the second cannot record its failures."""
    functions, recorder = stacks.aws("lambda"), stacks.sfn["FailureRecorderFunctionName"]
    handler = functions.get_function_configuration(FunctionName=recorder)["Handler"]
    _, rows = items(20)
    rows[7]["do"] = "fail"
    place = stacks.upload("items.jsonl", json_lines(rows))
    functions.update_function_configuration(FunctionName=recorder, Handler="handlers.nowhere.handler")
    try:
        yield stacks.start("sfn", input=place, itemsPerChunk=5, maxAttempts=1), rows
    finally:
        functions.update_function_configuration(FunctionName=recorder, Handler=handler)


@pytest.mark.usefixtures("both_child_types")
def test_a_child_that_could_not_even_record_its_failure_fails_its_whole_chunk_although_lists_lag(
    stacks: Stacks, plan: Plan
):
    injected = plan({"kind": "stale-list", "operation": "ListExecutions", "seconds": 120})
    with a_failed_child(stacks) as (batch_id, rows):
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 15, 5)
    assert {failure["item"]["id"] for failure in stacks.failures("sfn", batch_id)} == {row["id"] for row in rows[5:10]}
    assert injected() > 1


def test_a_bad_request_ends_under_the_id_it_asked_for_whatever_its_execution_is_called(stacks: Stacks):
    batch_id = new_id()
    stacks.execute({"batchId": batch_id, "items": -1})
    detail = stacks.finished(batch_id)
    assert detail["status"] == "FAILED"
    assert "items: -1" in detail["reason"]


def test_a_second_execution_for_the_same_batch_processes_nothing(stacks: Stacks):
    batch_id = new_id()
    request = {"batchId": batch_id, "items": 20, "maxValue": 0, "itemsPerChunk": 10}
    first, second = stacks.execute(request), stacks.execute(request)
    states = stacks.aws("stepfunctions")
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 20)

    def both_ended() -> list[int]:
        found = [states.describe_execution(executionArn=arn) for arn in (first, second)]
        assert {execution["status"] for execution in found} == {"SUCCEEDED"}
        return sorted(len(states.list_map_runs(executionArn=arn)["mapRuns"]) for arn in (first, second))

    assert eventually(both_ended) == [0, 1]
    assert len(stacks.published(batch_id)) == 1


def assert_published(stacks: Stacks, batch_id: str, times: int) -> None:
    assert len(stacks.published(batch_id)) == times


def test_a_batch_larger_than_a_window_of_the_batcher_is_made_whole(stacks: Stacks):
    """What is compressed is one segment."""
    place = stacks.upload("items.csv.gz", csv_gz(items(WINDOW_CHUNKS + 10)[1]))
    detail = stacks.finished(stacks.start("sqs", input=place, itemsPerChunk=1))
    assert (detail["succeeded"], detail["chunks"]) == (WINDOW_CHUNKS + 10, WINDOW_CHUNKS + 10)


def test_a_regular_end_rests_on_no_read_that_may_lag(stacks: Stacks, plan: Plan):
    plan({"kind": "stale-list", "service": "dynamodb", "seconds": 3600})
    prefix, rows = items(60)
    rows[7]["do"], rows[31]["do"] = "fail", "fail-once"
    detail = stacks.finished(
        stacks.start(
            "sqs",
            input=stacks.upload("items.jsonl", json_lines(rows)),
            itemsPerChunk=4,
            maxAttempts=2,
            toleratedFailurePercentage=5,
        )
    )
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("SUCCEEDED", 59, 1)
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
