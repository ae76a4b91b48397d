"""What of the Step Functions architecture does not depend on its children: batchers, schedules, refusals, its queue."""

import json
import uuid

import pytest

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.e2e.test_sfn_endings import (
    assert_drained,
    assert_published,
    assert_same,
    ended,
    objects,
    redrive,
    slow_batch,
    untold,
)
from tests.faults import Plan
from tests.probes import eventually


def test_a_sweep_that_has_no_time_for_all_stops_and_says_so(stacks: Stacks, plan: Plan):
    """It takes eight executions at a time, and has 3 seconds for them."""
    finalizer = stacks.sfn["FinalizerFunctionName"]
    slow = {"kind": "delay", "operation": "DescribeExecution", "function": finalizer, "seconds": 0.8}
    plan(untold(stacks), slow)
    for execution in [redrive(stacks, "nobody") for _ in range(30)]:
        ended(stacks, execution)
    sweep = {"sweep": stacks.sfn["StateMachineArn"]}
    # It leaves out the executions of which an event may be on its way.
    stacks.aws("sqs").send_message(
        QueueUrl=stacks.sfn["FinalizerQueueUrl"], MessageBody=json.dumps(sweep), DelaySeconds=20
    )
    eventually(lambda: assert_same(len(said(stacks, finalizer, "no time to sweep all, the next sweep goes on")), 1))
    eventually(lambda: assert_drained(stacks, stacks.sfn["FinalizerQueueUrl"], json.dumps(sweep)))


def said(stacks: Stacks, function: str, text: str) -> list[str]:
    """The lines of a function's log that have this text."""
    pages = stacks.aws("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    return [event["message"] for page in pages for event in page["events"] if text in event["message"]]


def test_a_batch_whose_batcher_dies_every_time_ends_failed_and_a_redrive_runs_it_whole(stacks: Stacks, plan: Plan):
    prefix, rows = items(30)
    batcher = stacks.sfn["BatcherFunctionName"]
    plan({"kind": "kill", "when": "before", "operation": "PutEvents", "function": batcher, "count": 4})
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10)
    first = stacks.finished(batch_id)
    assert first["status"] == "FAILED"
    assert "its chunks were not made" in first["reason"]
    redrive(stacks, batch_id)
    second = stacks.finished(batch_id, 2)
    assert (second["status"], second["succeeded"]) == ("SUCCEEDED", 30)
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


@pytest.mark.parametrize("wrong", [{"batchId": "nobody", "generation": 1}, {"batchId": "nobody"}, "nobody"])
def test_a_redrive_of_nothing_is_refused_with_the_reason_and_publishes_nothing(stacks: Stacks, wrong):
    execution = ended(stacks, stacks.execute({"redrive": wrong}))
    assert (execution["status"], execution["error"]) == ("FAILED", "RequestRefused")
    assert execution["cause"].startswith("redrive: ")
    assert stacks.published("nobody") == []


def test_a_batch_larger_than_a_batcher_has_time_for_is_made_whole_in_rounds(stacks: Stacks, plan: Plan):
    """Every part but the last takes a round's time, and the second round dies after it has uploaded its part."""
    prefix, rows = items(175, text="x" * 100_000)
    batcher = stacks.sfn["BatcherFunctionName"]
    upload = {"operation": "UploadPart", "function": batcher}
    faults = plan(
        {"kind": "kill", "when": "after", "after": 1, "count": 1, **upload},
        {"kind": "delay", "seconds": 6.1, "count": 3, **upload},
    )
    with stacks.timeout_of("Batcher", 8):
        batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=2)
        made = objects(stacks, batch_id).find_made
        eventually(lambda: assert_same(made() is not None, True))
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 175, 175)
    assert faults() == 4
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


def test_an_input_that_changes_between_rounds_ends_its_batch_failed_and_leaves_no_upload(stacks: Stacks, plan: Plan):
    _, rows = items(100, text="x" * 100_000)
    place, s3 = stacks.upload("items.jsonl", json_lines(rows)), stacks.aws("s3")
    plan({"kind": "delay", "seconds": 6.1, "operation": "UploadPart", "function": stacks.sfn["BatcherFunctionName"]})

    def uploads() -> list[dict]:
        found = s3.list_multipart_uploads(Bucket=stacks.sfn["BatchBucketName"]).get("Uploads", [])
        return [upload for upload in found if upload["Key"] == f"chunks/{batch_id}/1.json"]

    with stacks.timeout_of("Batcher", 8):
        batch_id = stacks.start("sfn", input=place, itemsPerChunk=2)
        eventually(lambda: assert_same(len(uploads()), 1))
        s3.put_object(Bucket=place["bucket"], Key=place["key"], Body=b"")
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert "changed" in detail["reason"]
    assert uploads() == []


def scheduled(stacks: Stacks) -> tuple[dict, str]:
    """A schedule's event at a time that no other test has, and its batch's id."""
    number = uuid.uuid4().int
    year, second = 2000 + number % 1000, f"{number % 60:02d}"
    event = {
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": f"{year}-07-{number % 28 + 1:02d}T06:00:{second}Z",
        "detail": {},
    }
    return event, f"scheduled-{year}07{number % 28 + 1:02d}T0600{second}Z"


def test_a_scheduled_batch_is_skipped_with_an_event_while_the_one_before_runs(stacks: Stacks):
    _, _, running, _ = slow_batch(stacks)
    latest = {"Bucket": stacks.sfn["BatchBucketName"], "Key": "schedule/latest.json"}
    stacks.aws("s3").put_object(**latest, Body=json.dumps({"batchId": running}).encode())
    event, skipped = scheduled(stacks)
    assert ended(stacks, stacks.execute(event))["status"] == "SUCCEEDED"
    eventually(lambda: assert_published(stacks, skipped, "Batch Skipped", 1))
    assert stacks.published(skipped, "Batch Skipped")[0]["running"] == running
    assert stacks.finished(running)["status"] == "SUCCEEDED"
    # The same event again decides the same, although nothing runs any more; the next one is not held up by it.
    assert ended(stacks, stacks.execute(event))["status"] == "SUCCEEDED"
    later, batch_id = scheduled(stacks)
    stacks.execute(later)
    assert stacks.finished(batch_id)["status"] == "SUCCEEDED"
    assert len(stacks.published(skipped, "Batch Skipped")) == 1
    assert stacks.published(skipped) == []


def test_a_start_that_eventbridge_could_not_deliver_ends_its_batch_failed(stacks: Stacks):
    event, batch_id = scheduled(stacks)
    told = {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not authorized to start"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
    for _ in range(2):
        stacks.aws("sqs").send_message(
            QueueUrl=stacks.sfn["FinalizerQueueUrl"], MessageBody=json.dumps(event), MessageAttributes=attributes
        )
    detail = stacks.finished(batch_id)
    assert detail["status"] == "FAILED"
    assert "NO_PERMISSIONS: not authorized to start" in detail["reason"]
    assert ended(stacks, stacks.execute(event))["status"] == "SUCCEEDED"
    assert_published(stacks, batch_id, "Batch Started", 0)


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}", '{"source": "aws.states", "detail": {"executionArn": "%s"}}'])
def test_a_strangers_message_is_dropped_and_stops_nobody(stacks: Stacks, body):
    sqs, url = stacks.aws("sqs"), stacks.sfn["FinalizerQueueUrl"]
    nobody = stacks.sfn["StateMachineArn"].replace(":stateMachine:", ":execution:") + ":nobody"
    sqs.send_message(QueueUrl=url, MessageBody=body.replace("%s", nobody), DelaySeconds=0)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def drained() -> None:
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        assert set(counts.values()) == {"0"}

    eventually(drained)


def test_an_ending_that_could_not_be_published_is_published_later(stacks: Stacks, plan: Plan):
    finalizer = stacks.sfn["FinalizerFunctionName"]
    refusal = {"operation": "PutEvents", "function": finalizer, "error": "AccessDeniedException", "count": 1}
    refused = plan({"kind": "error", **refusal})
    event, batch_id = scheduled(stacks)
    stacks.send(stacks.sfn["FinalizerQueueUrl"], event)
    assert stacks.finished(batch_id)["status"] == "FAILED"
    assert refused() == 1
