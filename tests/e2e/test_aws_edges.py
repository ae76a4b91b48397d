"""At the edges of what AWS does: its quotas, its throttling, what it forgets, what it says twice or late."""

from datetime import datetime

import pytest

from bootstrap.aws import session
from handlers.core.batch import BatchRequest, Status
from handlers.core.clock import CLOCK_MARGIN_MS
from handlers.sfn.start import DAY_MS
from handlers.sfn.store import BatcherOutput, BatchStart
from handlers.sqs.encoding import failures_record
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import Batch, BatchKey, ChunkKey
from rollcall.batches.find import batches_of
from rollcall.target.connection import Connection
from sandbox.state import Sandbox
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.e2e.test_endings import new_id, open_batch
from tests.e2e.test_meter import Meter
from tests.e2e.test_permissions import calls_of_roles
from tests.e2e.test_sfn_batcher import said
from tests.e2e.test_sfn_endings import ended, objects, redrive, slow_batch, some_running
from tests.e2e.test_sqs_protocol import redrive as redrive_sqs
from tests.faults import Plan
from tests.probes import eventually


# --------------------------------------------------------------------------------------------------- many failed items
def settled(stacks: Stacks, count: int) -> ChunkKey:
    """The only chunk of a batch of so many items, which are all settled: its end is all that is left to do."""
    key = open_batch(stacks, deadline_ms=3_600_000, items=count)
    stacks.table.finish_segment(key, 0, items=count, chunks=1, max_items=count)
    return ChunkKey(key, 0, 0)


def test_the_end_of_a_batch_reads_counts_and_no_failed_item_however_large(stacks: Stacks, sandbox: Sandbox):
    """These items alone would be 500 read units."""
    chunk = settled(stacks, 20)
    failed = {index: ({"id": f"{index}", "text": "x" * 100_000}, "it failed") for index in range(20)}
    stacks.table.put_failed(chunk, failed, 1, stacks.clock.now_ms())
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(chunk.batch, check=True).body())
    assert stacks.finished(chunk.batch.batch_id)["failed"] == 20
    read = {"function": "FinalizerFunction", "unit": "dynamodb.read_units"}
    meter = Meter(sandbox.endpoint)
    eventually(lambda: assert_between(1, meter.sum(chunk.batch.batch_id, **read), 50))


def test_the_end_of_a_batch_reads_no_object_of_failed_items(stacks: Stacks, sandbox: Sandbox):
    _, rows = items(10, do="fail")
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=5, maxAttempts=1)
    assert stacks.finished(batch_id)["failed"] == 10
    calls = {call["action"] for call in calls_of_roles(sandbox) if f"/failed/{batch_id}/" in call["resource"]}
    assert calls == {"s3:PutObject"}


def test_failures_are_counted_on_where_the_last_look_ran_out_of_time(stacks: Stacks, plan: Plan):
    """Their records are padded, so that twenty take two pages, and a page takes a third of the finalizer's time."""
    key, now = settled(stacks, 20).batch, stacks.clock.now_ms()
    for seq in range(20):
        record = failures_record(ChunkKey(key, 0, seq), 1, now // 1000 + 3_600)
        item = {**record, "padding": {"S": "x" * 90_000}}
        stacks.aws("dynamodb").put_item(TableName=stacks.sqs["TableName"], Item=item)
    query = {"operation": "Query", "function": stacks.sqs["FinalizerFunctionName"]}
    queries = plan({"kind": "delay", "seconds": 0.75, **query})
    stacks.send(stacks.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    detail = stacks.finished(key.batch_id)
    assert (detail["status"], detail["failed"], detail["remaining"]) == ("FAILED", 20, 0)
    # Is the shard empty, a page, the next; and again, from the second page on.
    assert queries() >= 5


# ------------------------------------------------------------------------------------------------------ an old batch
def ended_days_ago(stacks: Stacks, key: BatchKey, days: int) -> None:
    """A generation that ended so long ago, with one failed item."""
    at = stacks.clock.now_ms() - days * DAY_MS
    stacks.table.create_batch(
        Batch(
            key, Status.FAILED, BatchRequest(items=1, items_per_chunk=1), 1, at, at, segment_count=1, items=1, chunks=1,
            segment_length=1, extent=1, expected=1, succeeded=0, failed=1, remaining=0, finished_at=at, notified=True,
        )
    )  # fmt: skip
    stacks.table.put_failed(ChunkKey(key, 0, 0), {0: ({"id": key.batch_id, "value": 0}, "it failed")}, 1, at)


@pytest.mark.parametrize("generations", [[46], [46, 1]])
def test_a_redrive_that_needs_records_about_to_expire_is_refused(stacks: Stacks, generations: list[int]):
    batch_id = new_id()
    for number, days in enumerate(generations, start=1):
        ended_days_ago(stacks, BatchKey(batch_id, number), days)
    redrive_sqs(stacks, batch_id, len(generations))
    reason = f"generation {len(generations)} of '{batch_id}' is too old, the records of its batch are about to expire"
    eventually(lambda: assert_equal(len(said(stacks, stacks.sqs["BatcherFunctionName"], reason)), 1))
    assert stacks.table.latest_generation(batch_id) == len(generations)


def test_a_batch_of_44_days_ago_is_redriven(stacks: Stacks):
    batch_id = new_id()
    ended_days_ago(stacks, BatchKey(batch_id), 44)
    redrive_sqs(stacks, batch_id)
    detail = stacks.finished(batch_id, 2)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 1)


@pytest.mark.parametrize(("days", "status"), [(19, "SUCCEEDED"), (21, "FAILED")])
def test_a_redrive_that_needs_objects_about_to_expire_is_refused(
    stacks: Stacks, sandbox: Sandbox, days: int, status: str
):
    batch_id, at = new_id(), stacks.clock.now_ms() - days * DAY_MS
    old = objects(stacks, batch_id)
    made = BatcherOutput(batch_id, 1, at, items=1, chunks=1, smallest_chunk=1, last_chunk=1)
    old.start(BatchStart("arn:aws:states:us-east-1:000000000000:execution:m:e", at, BatchRequest(items=1)))
    old.put_made(made)
    old.put_failed(0, [{"item": {"id": batch_id, "value": 0}, "error": "it failed", "attempts": 1}])
    old.put_ending(made.ending(Status.FAILED, 1, 1, None, at).detail(), at)
    execution = ended(stacks, redrive(stacks, batch_id))
    assert execution["status"] == status
    if status == "FAILED":
        assert execution["error"] == "RequestRefused"
        assert "too old" in execution["cause"]
        connection = Connection(session(sandbox.endpoint), stacks.suffix, sandbox.endpoint)
        listed = [(found.batch_id, found.generation) for found in batches_of(connection, "sfn").recent(100)]
        assert listed
        assert (batch_id, 2) not in listed
    assert (objects(stacks, batch_id, 2).find_started() is None) == (status == "FAILED")


# ------------------------------------------------------------------------------------------------ throttling and quotas
def test_deletes_that_dynamodb_throttles_as_a_whole_repeat_no_item_and_spend_no_attempt(stacks: Stacks, plan: Plan):
    prefix, rows = items(20)
    place = stacks.upload("items.jsonl", json_lines(rows))
    refusal = {"error": "ProvisionedThroughputExceededException", "operation": "BatchWriteItem", "count": 6}
    refused = plan({"kind": "error", "function": stacks.sqs["ProcessorFunctionName"], **refusal})
    # The SDK itself tries again for longer than 3 seconds.
    with stacks.timeout_of("Processor", 20, "sqs"):
        detail = stacks.finished(stacks.start("sqs", input=place, itemsPerChunk=5, maxAttempts=1))
    assert refused() == 6
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 20)
    stacks.assert_witnessed("sqs", prefix, {row["id"]: 1 for row in rows})


def test_a_batch_that_cannot_end_yet_is_looked_at_less_and_less_often(stacks: Stacks, plan: Plan):
    """As one whose Map Run goes on after its execution was stopped: EXPRESS children do so for up to 5 minutes."""
    finalizer = {"function": stacks.sfn["FinalizerFunctionName"]}
    _, _, batch_id, arn = slow_batch(stacks)
    eventually(lambda: some_running(stacks, arn))
    calls = plan(
        {"kind": "error", "operation": "DescribeMapRun", "error": "AccessDeniedException", **finalizer},
        {"kind": "delay", "operation": "ListMapRuns", "seconds": 0.001, **finalizer},
    )
    with stacks.clock.real():
        stacks.aws("stepfunctions").stop_execution(executionArn=arn)
        eventually(lambda: assert_equal(ended(stacks, arn)["status"], "ABORTED"))
        stacks.clock.advance(600)
        assert_between(2 * 8, calls(), 2 * 14)
    plan()
    assert stacks.finished(batch_id)["status"] == "CANCELLED"


# -------------------------------------------------------------------------------------------------------------- clocks
@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_an_announcement_is_taken_over_no_sooner_than_any_clock_says_that_its_finalizer_is_dead(
    stacks: Stacks, architecture: str
):
    """The finalizer lives when it says that it has finished, so its deadline is later."""
    batch_id = stacks.start(architecture, items=10)
    finished_at = round(datetime.fromisoformat(stacks.finished(batch_id)["finishedAt"]).timestamp() * 1000)
    assert announce_until(stacks, architecture, batch_id) >= finished_at + CLOCK_MARGIN_MS


def announce_until(stacks: Stacks, architecture: str, batch_id: str) -> int:
    if architecture == "sfn":
        ending = objects(stacks, batch_id).find_ending()
        assert ending
        return ending[0]["announceUntil"]
    batch = stacks.table.get_batch(batch_id)
    assert batch
    return batch.announce_until


def assert_equal(one: object, other: object) -> None:
    assert one == other


def assert_between(least: float, value: float, most: float) -> None:
    assert least <= value <= most
