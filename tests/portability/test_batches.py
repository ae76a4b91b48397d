"""Whole batches through both architectures on MiniStack: the guarantees hold on an engine that is not ours."""

import json
import re

import pytest

from rollcall.api.batch import Batch, Settings
from rollcall.commands.run import start_to_end
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import says
from tests.portability.observed import Observed
from tests.portability.stacks import PATIENCE, PortableStacks
from tests.portability.under_way import KILLS, UnderWay
from tests.probes import eventually

SCHEDULED = re.compile(r"scheduled-\d{8}T\d{6}Z")

pytestmark = [pytest.mark.usefixtures("under_way"), pytest.mark.parametrize("architecture", ["sqs", "sfn"])]


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


def test_a_request_that_comes_twice_starts_one_batch(stacks: PortableStacks, architecture: str):
    prefix, rows = items(10)
    request = {"input": stacks.upload("items.jsonl", json_lines(rows)), "batchId": f"twice-{architecture}"}
    for _ in range(2):
        if architecture == "sqs":
            stacks.start(architecture, **request)
        else:
            stacks.execute(request)  # of a name of its own: of one name there is one execution
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
    events.put_events(Entries=[{"Source": name, "DetailType": "Scheduled Event", "Detail": "{}"}])

    def once() -> dict:
        # Both architectures' may be named after the same second.
        finished = [
            each
            for each in stacks.all_published("Batch Finished").values()
            if each["architecture"] == architecture and SCHEDULED.fullmatch(each["batchId"])
        ]
        assert finished
        [detail] = finished
        return detail

    detail = eventually(once, PATIENCE)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 100)


def test_rollcall_run_shows_a_batch_to_its_end(stacks: PortableStacks, architecture: str):
    # As with --aws, which refuses an endpoint that is not AWS's; --port asks for a sandbox.
    settings: Settings = {"items": 300, "items_per_chunk": 20}
    new = Batch.new(stacks.connection, architecture, batch_id=f"run-{architecture}", **settings)
    batch, result = start_to_end(new)
    assert (result.status, result.succeeded, batch.errors) == ("SUCCEEDED", 300, [])
    stacks.finished(result.batch_id)


# The batches of these have been under way since the first test.


def test_a_cancelled_batch_ends_with_every_item_accounted_for(
    stacks: PortableStacks, under_way: UnderWay, architecture: str
):
    batch = under_way.cancelled[architecture]
    detail = stacks.finished(batch.batch_id)
    everything = detail["succeeded"] == len(batch.rows)
    assert (detail["status"], detail["failed"]) == ("SUCCEEDED" if everything else "CANCELLED", 0)
    assert detail["succeeded"] + detail["remaining"] == len(batch.rows)
    assert detail["succeeded"] <= len(stacks.witnessed(architecture, batch.prefix))


def test_a_processor_killed_in_mid_chunk_delays_its_chunk_and_loses_nothing(
    stacks: PortableStacks, under_way: UnderWay, architecture: str
):
    batch = under_way.killed[architecture]
    detail = stacks.finished(batch.batch_id)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 20)
    witnessed = stacks.witnessed(architecture, batch.prefix)
    assert set(witnessed) == {row["id"] for row in batch.rows}
    assert witnessed[batch.rows[KILLS]["id"]] == 2


def test_a_batch_from_before_the_faults_were_worked_round_ends_once_too(
    stacks: PortableStacks, observed: Observed, architecture: str
):
    # The finalizer cannot read what its state gives it: the status change of the execution ends that batch instead.
    detail = stacks.finished(observed.batches[architecture])
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 4)
