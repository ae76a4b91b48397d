"""The SQS protocol beyond one batcher and one generation: segments, cancel, redrive, overlap, results, early ends."""

import json
import urllib.request
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import BatchKey, ChunkKey, Closing, Segment
from handlers.sqs.table import FOREVER
from sandbox.state import Sandbox
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import Stacks
from tests.e2e.test_endings import new_id, open_batch
from tests.probes import eventually


def cancel(stacks: Stacks, batch_id: str, generation: int = 1) -> bool:
    key = BatchKey(batch_id, generation)
    cancelled = stacks.table.cancel(key, stacks.clock.now_ms())
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    return cancelled


def redrive(stacks: Stacks, batch_id: str, generation: int = 1) -> None:
    stacks.request({"redrive": {"batchId": batch_id, "generation": generation}})


def segments_made(stacks: Stacks, batch_id: str) -> list[int]:
    """The chunks made of each segment, by the segment records."""
    batch = stacks.table.get_batch(batch_id)
    assert batch
    found = [stacks.table.get_segment(batch.key, number) for number in range(batch.segment_count)]
    return [segment.next_chunk if segment else 0 for segment in found]


def test_a_batch_larger_than_a_segment_fans_out_over_batchers_and_is_processed_whole(stacks: Stacks):
    batch_id = stacks.start("sqs", items=1_003, itemsPerChunk=10)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["succeeded"], detail["chunks"]) == ("SUCCEEDED", 1_003, 101)
    assert segments_made(stacks, batch_id) == [34, 34, 33]


def test_json_lines_are_cut_into_segments_that_together_process_every_line_once(stacks: Stacks):
    prefix, rows = items(900, text="x" * 100)
    batch_id = stacks.start("sqs", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=15)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("SUCCEEDED", 900)
    assert len(segments_made(stacks, batch_id)) > 1
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 1 for row in rows})


def test_an_object_that_changes_while_it_is_read_ends_its_batch_failed_and_says_so(stacks: Stacks):
    prefix, rows = items(20)
    place = stacks.upload("items.jsonl", json_lines(rows))
    batch_id = stacks.start("sqs", input=place | {"etag": '"0123456789abcdef0123456789abcdef"'}, itemsPerChunk=10)
    detail = stacks.finished(batch_id)
    assert detail["status"] == "FAILED"
    assert "changed" in detail["reason"]
    stacks.assert_witnessed("sqs", prefix, {})


def cancelled_in_mid_work(stacks: Stacks) -> tuple[str, str, list[dict]]:
    """Cancel a batch of 600 items once some are processed; returns its id, its items' prefix, and those."""
    prefix, rows = items(600, value=20)
    request = {"input": stacks.upload("items.jsonl", json_lines(rows)), "itemsPerChunk": 5, "itemConcurrency": 1}
    batch_id = stacks.start("sqs", **request)
    eventually(lambda: assert_some_witnessed(stacks, prefix))
    assert cancel(stacks, batch_id)
    return batch_id, prefix, rows


def test_a_cancelled_batch_finishes_what_is_claimed_and_processes_nothing_after_its_event(stacks: Stacks):
    batch_id, prefix, _ = cancelled_in_mid_work(stacks)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["failed"]) == ("CANCELLED", 600, 0)
    assert detail["remaining"] > 0
    assert "cancelled at" in detail["reason"]
    assert not stacks.table.cancel(BatchKey(batch_id), stacks.clock.now_ms())
    stacks.assert_untouched_after("sqs", prefix, detail["finishedAt"])
    assert stacks.witnessed("sqs", prefix).total() == detail["succeeded"]


def assert_some_witnessed(stacks: Stacks, prefix: str) -> None:
    assert stacks.witnessed("sqs", prefix)


def test_a_redrive_runs_only_what_failed_as_the_next_generation_with_its_own_event(stacks: Stacks):
    prefix, rows = items(30)
    for row in rows[::10]:
        row["do"] = "fail-once"
    batch_id = stacks.start(
        "sqs", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10, maxAttempts=1
    )
    first = stacks.finished(batch_id)
    assert (first["status"], first["failed"]) == ("FAILED", 3)
    redrive(stacks, batch_id)
    redrive(stacks, batch_id)
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["items"], second["succeeded"]) == ("SUCCEEDED", 3, 3)
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
    assert stacks.table.latest_generation(batch_id) == 2


def test_a_redrive_of_a_cancelled_batch_runs_what_was_left_over_and_nothing_twice(stacks: Stacks):
    batch_id, prefix, rows = cancelled_in_mid_work(stacks)
    first = stacks.finished(batch_id)
    redrive(stacks, batch_id)
    eventually(lambda: assert_started(stacks, batch_id, 2))
    assert cancel(stacks, batch_id, 2)
    second = stacks.finished(batch_id, 2)
    assert second["items"] == first["remaining"]
    redrive(stacks, batch_id, 2)
    third = stacks.finished(batch_id, 3)
    assert (third["status"], third["items"]) == ("SUCCEEDED", second["remaining"])
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 1 for row in rows})


def assert_started(stacks: Stacks, batch_id: str, generation: int) -> None:
    assert stacks.table.get_batch(batch_id, generation)


def test_a_batch_that_still_runs_is_not_redriven(stacks: Stacks):
    key = open_batch(stacks, deadline_ms=3_600_000)
    stacks.request({"redrive": {"batchId": key.batch_id, "generation": 1}}, "RequestResponse")
    assert cancel(stacks, key.batch_id)
    stacks.finished(key.batch_id)
    assert stacks.table.latest_generation(key.batch_id) == 1
    assert len(stacks.published(key.batch_id)) == 1


def test_input_that_no_batcher_read_is_counted_as_remaining(stacks: Stacks):
    """The batcher of a segment is held up beyond the deadline by a lease, as if it hung."""
    _, rows = items(60)
    batch_id, place = new_id(), stacks.upload("items.csv.gz", csv_gz(rows))
    with stacks.clock.real():
        now = stacks.clock.now_ms()
        for number in range(8):
            stacks.table.claim_segment(BatchKey(batch_id), number, now, now + 10_000)
        stacks.start("sqs", batchId=batch_id, input=place, itemsPerChunk=10, deadlineSeconds=2)
        eventually(lambda: assert_started(stacks, batch_id, 1))
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["remaining"]) == ("EXPIRED", 60, 60)


def test_results_are_collected_once_an_item_with_a_manifest(stacks: Stacks):
    _, rows = items(25)
    for number, row in enumerate(rows[:20]):
        row["result"] = {"number": number}
    rows[3]["do"] = "fail-once"
    batch_id = stacks.start("sqs", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10)
    assert stacks.finished(batch_id)["status"] == "SUCCEEDED"
    assert stacks.results(batch_id) == {row["id"]: row["result"] for row in rows[:20]}


def test_a_scheduled_batch_is_skipped_with_an_event_while_the_one_before_runs(stacks: Stacks):
    times = [
        f"{datetime.now(UTC) + timedelta(days=365 * uuid.uuid4().int % 10_000):%Y-%m-%dT%H:%M:%SZ}" for _ in range(3)
    ]
    ids = ["scheduled-" + time.replace("-", "").replace(":", "") for time in times]
    slow = {"ITEMS": "400", "MAX_VALUE": "200", "ITEM_CONCURRENCY": "1", "ITEMS_PER_CHUNK": "5"}
    with environment(stacks, slow):
        trigger(stacks, times[0])
        eventually(lambda: assert_started(stacks, ids[0], 1))
        trigger(stacks, times[1])
        eventually(lambda: assert_skipped(stacks, ids[1], 1))
        assert stacks.published(ids[1], "Batch Skipped")[0]["running"] == ids[0]
        # A redelivered event decides the same, even when the batch before has ended.
        cancel(stacks, ids[0])
        stacks.finished(ids[0])
        trigger(stacks, times[1])
        eventually(lambda: assert_skipped(stacks, ids[1], 2))
        trigger(stacks, times[2])
        eventually(lambda: assert_started(stacks, ids[2], 1))
        cancel(stacks, ids[2])
        stacks.finished(ids[2])
    assert stacks.published(ids[1]) == []


def trigger(stacks: Stacks, time: str) -> None:
    event = {"detail-type": "Scheduled Event", "source": "aws.events", "time": time, "id": uuid.uuid4().hex}
    stacks.request(event)


def assert_skipped(stacks: Stacks, batch_id: str, times: int) -> None:
    details = stacks.published(batch_id, "Batch Skipped")
    assert len(details) == times
    assert all(detail == details[0] for detail in details)


class environment:
    """A function, the batcher by default, with other settings for a while."""

    def __init__(self, stacks: Stacks, values: dict[str, str], function: str = "Batcher"):
        self.functions, self.name, self.values = stacks.aws("lambda"), stacks.sqs[f"{function}FunctionName"], values

    def __enter__(self) -> None:
        config = self.functions.get_function_configuration(FunctionName=self.name)
        self.before = config["Environment"]["Variables"]
        self._set(self.before | self.values)

    def __exit__(self, *_) -> None:
        self._set(self.before)

    def _set(self, values: dict[str, str]) -> None:
        self.functions.update_function_configuration(FunctionName=self.name, Environment={"Variables": values})
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=self.name)


def test_a_chunk_that_succeeds_the_first_time_costs_three_writes_and_two_reads_at_most(
    stacks: Stacks, sandbox: Sandbox
):
    """By the calls of the processor's and the batcher's roles; every record is below 1 KB, so a write is a unit."""
    chunks = 100
    before = dynamodb_calls(stacks, sandbox)
    batch_id = stacks.start("sqs", items=10 * chunks, itemsPerChunk=10)
    assert stacks.finished(batch_id)["chunks"] == chunks
    made = {key: count - before.get(key, 0) for key, count in dynamodb_calls(stacks, sandbox).items()}
    assert made["Processor", "UpdateItem"] == chunks
    put_and_deleted = 2 * chunks
    windows = segments = len(segments_made(stacks, batch_id))
    assert made["Batcher", "UpdateItem"] == windows + 2 * segments
    assert made["Batcher", "PutItem"] == 2
    writes = made["Processor", "UpdateItem"] + put_and_deleted
    reads = made["Processor", "Query"] + made["Processor", "GetItem"] + made["Batcher", "GetItem"] - segments
    assert writes <= 3 * chunks
    assert reads <= 2 * chunks


def dynamodb_calls(stacks: Stacks, sandbox: Sandbox) -> dict[tuple[str, str], int]:
    """(function, operation) -> how often its role has called it so far."""
    functions = {
        stacks.aws("lambda").get_function_configuration(FunctionName=stacks.sqs[f"{name}FunctionName"])["Role"]: name
        for name in ("Batcher", "Processor", "Finalizer")
    }
    with urllib.request.urlopen(f"{sandbox.endpoint}/_rollcall/permissions") as answer:
        calls = json.load(answer)["calls"]
    found: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if call["role"] in functions and call["action"].startswith("dynamodb:"):
            found[functions[call["role"]], call["action"].removeprefix("dynamodb:")] += call["count"]
    return found


def test_the_early_end_of_a_batch_goes_on_where_a_look_ran_out_of_time(stacks: Stacks):
    """Records before the cursor of a closing record are not looked at again: here they are not even there."""
    key = open_batch(stacks, deadline_ms=600_000, items=30)
    batch = stacks.table.get_batch(key.batch_id)
    assert batch
    now = stacks.clock.now_ms()
    segment = stacks.table.claim_segment(key, 0, now, now + 1)
    assert isinstance(segment, Segment)
    stacks.table.put_chunks({ChunkKey(key, 0, seq): 5 for seq in (4, 5)}, now)
    assert stacks.table.advance_segment(key, replace(segment, next_chunk=6, next_item=30))
    stacks.table.put_closing(batch, 0, Closing(next_seq=4, remaining=20))
    assert cancel(stacks, key.batch_id)
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["remaining"], detail["chunks"]) == ("CANCELLED", 30, 6)
    fenced = stacks.table.get_segment(key, 0)
    assert fenced
    assert fenced.lease_until == FOREVER
