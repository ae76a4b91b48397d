"""Whole batches through both architectures on MiniStack: the guarantees hold on an engine that is not ours."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from handlers.core.batch import iso
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import says
from tests.portability.observed import Observed
from tests.portability.stacks import PortableStacks
from tests.probes import eventually

ARCHITECTURES = ["sqs", "sfn"]


@dataclass(frozen=True)
class Killed:
    """A batch with an item that kills its processor once."""

    batch_id: str
    prefix: str
    rows: list[dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def killed(stacks: PortableStacks) -> dict[str, Killed]:
    """Such batches of both architectures. They wait for a redelivery while the tests go on."""
    made = {}
    for architecture in ARCHITECTURES:
        prefix, rows = items(20)
        rows[13]["do"] = "die-once"
        place = stacks.upload("items.jsonl", json_lines(rows))
        batch_id = stacks.start(architecture, input=place, itemsPerChunk=10, itemConcurrency=1)
        made[architecture] = Killed(batch_id, prefix, rows)
    return made


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


def test_every_item_of_a_file_is_processed_once_and_its_result_is_stored(stacks: PortableStacks, architecture: str):
    prefix, rows = items(500)
    batch_id = stacks.start(architecture, input=stacks.upload("items.csv.gz", csv_gz(rows)), itemsPerChunk=25)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["succeeded"], detail["chunks"]) == ("SUCCEEDED", 500, 500, 20)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})
    assert stacks.results(batch_id) == {row["id"]: {"made of": row["id"]} for row in rows}


def test_items_that_fail_are_tried_again_alone_and_those_that_always_fail_are_listed_and_redriven(
    stacks: PortableStacks, architecture: str
):
    prefix, rows = items(200)
    for row in rows[::50]:
        row["do"] = "fail"
    for row in rows[10::50]:
        row["do"] = "fail-once"
    place = stacks.upload("items.jsonl", json_lines(rows))
    batch_id = stacks.start(architecture, input=place, itemsPerChunk=25, maxAttempts=2, toleratedFailurePercentage=2)
    detail = stacks.finished(batch_id, generation=1)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("SUCCEEDED", 196, 4)
    failures = {failure["item"]["id"]: failure for failure in stacks.failures(architecture, batch_id)}
    assert failures.keys() == {row["id"] for row in rows[::50]}
    for item_id, failure in failures.items():
        assert (says(failure), failure["attempts"]) == (f"RuntimeError: {item_id} was made to fail", 2)
    stacks.batches[architecture].redrive(batch_id)
    again = stacks.finished(batch_id, generation=2)
    assert (again["status"], again["items"], again["failed"]) == ("FAILED", 4, 4)
    times = {"fail": 4, "fail-once": 2}
    stacks.assert_witnessed(architecture, prefix, {row["id"]: times.get(row.get("do", ""), 1) for row in rows})


def test_a_cancelled_batch_ends_with_every_item_accounted_for(stacks: PortableStacks, architecture: str):
    prefix, rows = items(60, value=100)
    place = stacks.upload("items.jsonl", json_lines(rows))
    batch_id = stacks.start(architecture, input=place, itemsPerChunk=5, itemConcurrency=1)

    def begun() -> None:
        assert stacks.witnessed(architecture, prefix)

    eventually(begun)
    assert stacks.batches[architecture].cancel(batch_id)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["failed"]) == ("CANCELLED", 0)
    assert detail["succeeded"] + detail["remaining"] == 60
    assert detail["succeeded"] <= len(stacks.witnessed(architecture, prefix))


def test_a_request_that_comes_twice_starts_one_batch(stacks: PortableStacks, architecture: str):
    prefix, rows = items(10)
    request = {"input": stacks.upload("items.jsonl", json_lines(rows)), "batchId": f"twice-{architecture}"}
    for name in ("first", "second"):
        if architecture == "sqs":
            stacks.send(stacks.sqs["BatcherQueueUrl"], request)
        else:
            stacks.execute(request, name=name)
    detail = stacks.finished(request["batchId"])
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 10)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


def test_a_request_of_a_hundred_million_items_ends_failed_and_none_is_processed(
    stacks: PortableStacks, architecture: str
):
    detail = stacks.finished(stacks.start(architecture, items=100_000_000))
    assert (detail["status"], detail["succeeded"]) == ("FAILED", 0)
    assert "items: at least 100,000,000, and the stack's MaxItems is 1,000,000" in detail["reason"]


def test_the_schedules_event_starts_a_batch_named_after_its_time(stacks: PortableStacks, architecture: str):
    events, outputs = stacks.aws("events"), stacks.sqs if architecture == "sqs" else stacks.sfn
    # A rule that need not wait for its time sends the schedule's own targets the same event.
    name = f"portability-{architecture}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=events.list_targets_by_rule(Rule=outputs["ScheduleRuleName"])["Targets"])
    at = {"sqs": 1_800_000_000, "sfn": 1_800_003_600}[architecture]
    events.put_events(Entries=[{"Time": at, "Source": name, "DetailType": "Scheduled Event", "Detail": "{}"}])
    detail = stacks.finished(f"scheduled-{iso(at * 1000)[:19].translate({45: None, 58: None})}Z")
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 100)


def test_a_processor_killed_in_mid_chunk_delays_its_chunk_and_loses_nothing(
    stacks: PortableStacks, killed: dict[str, Killed], architecture: str
):
    batch = killed[architecture]
    detail = stacks.finished(batch.batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 20)
    witnessed = stacks.witnessed(architecture, batch.prefix)
    assert set(witnessed) == {row["id"] for row in batch.rows}
    assert witnessed[batch.rows[13]["id"]] == 2


def test_batches_from_before_the_faults_were_worked_round_end_once_too(stacks: PortableStacks, observed: Observed):
    assert stacks.finished(observed.sqs_batch)["status"] == "SUCCEEDED"
    # Its finalizer cannot read what its state gives it: the status change of its execution ends it instead.
    detail = stacks.finished(observed.sfn_batch)
    assert (detail["status"], detail["succeeded"], detail["remaining"]) == ("CANCELLED", 4, 0)
