"""Whole batches through both architectures: each ends once, early for nobody, with every item accounted for."""

import gzip
import os
import uuid

import pytest

from handlers.core.batch import LIMITS
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import Stacks, says
from tests.faults import Plan
from tests.probes import eventually

pytestmark = pytest.mark.docker


@pytest.mark.parametrize(("name", "encode"), [("items.jsonl", json_lines), ("items.csv.gz", csv_gz)])
def test_every_real_item_of_a_file_is_processed_once_and_the_batch_finishes_once(
    stacks: Stacks, architecture, name, encode
):
    prefix, rows = items(95)
    batch = stacks.start(architecture, input=stacks.upload(name, encode(rows)), itemsPerChunk=10)
    detail = stacks.finished(batch)
    assert (detail["status"], detail["items"], detail["succeeded"], detail["chunks"]) == ("SUCCEEDED", 95, 95, 10)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


def test_ten_thousand_items_end_in_one_event(stacks: Stacks, architecture):
    batch = stacks.start(architecture, items=10_000, maxValue=0, itemsPerChunk=100)
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"], detail["chunks"]) == ("SUCCEEDED", 10_000, 100)


def test_an_empty_batch_succeeds(stacks: Stacks, architecture):
    detail = stacks.finished(stacks.start(architecture, items=0))
    assert (detail["status"], detail["items"], detail["chunks"]) == ("SUCCEEDED", 0, 0)


def test_an_empty_file_succeeds(stacks: Stacks, architecture):
    detail = stacks.finished(stacks.start(architecture, input=stacks.upload("nothing.jsonl", b"")))
    assert (detail["status"], detail["items"], detail["chunks"]) == ("SUCCEEDED", 0, 0)


def test_items_that_fail_once_are_tried_again_alone_and_succeed(stacks: Stacks, architecture):
    prefix, rows = items(30)
    for row in rows[::7]:
        row["do"] = "fail-once"
    detail = stacks.finished(
        stacks.start(architecture, input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10)
    )
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("SUCCEEDED", 30, 0)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})


@pytest.mark.parametrize(("tolerated", "status"), [(0, "FAILED"), (10, "SUCCEEDED")])
def test_poison_items_end_recorded_as_failed_and_the_tolerance_decides(stacks: Stacks, architecture, tolerated, status):
    prefix, rows = items(40)
    for row in rows[::20]:
        row["do"] = "fail"
    batch = stacks.start(
        architecture,
        input=stacks.upload("items.jsonl", json_lines(rows)),
        itemsPerChunk=10,
        maxAttempts=2,
        toleratedFailurePercentage=tolerated,
    )
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == (status, 38, 2)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
    failures = sorted(stacks.failures(architecture, batch), key=lambda failure: failure["item"]["id"])
    assert [failure["item"] for failure in failures] == [rows[0], rows[20]]
    assert {says(failure) for failure in failures} == {
        f"RuntimeError: {row['id']} was made to fail" for row in rows[::20]
    }
    assert {failure["attempts"] for failure in failures} == {2}


def test_work_that_ends_badly_fails_alone(stacks: Stacks, architecture):
    _, rows = items(30)
    bad = dict(zip((3, 8, 13, 18, 23), ("yield", "promise", "interrupt", "cancel", "unspeakable"), strict=True))
    for index, what in bad.items():
        rows[index]["do"] = what
    place = stacks.upload("items.jsonl", json_lines(rows))
    detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=15, maxAttempts=2))
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 25, 5)
    found = {each["item"]["id"]: says(each) for each in stacks.failures(architecture, detail["batchId"])}
    assert set(found) == {rows[index]["id"] for index in bad}
    errors = [found[rows[index]["id"]] for index in bad]
    assert errors[0].startswith("InvalidResult: process returned a generator")
    assert errors[1].startswith("InvalidResult: process returned a coroutine")
    assert errors[2:4] == ["KeyboardInterrupt: ", "CancelledError: "]
    assert errors[4] == "UnspeakableError: (its message cannot be had: SystemExit)"


def test_what_an_item_does_to_its_process_harms_no_other_item_and_no_later_batch(stacks: Stacks, architecture):
    _, rows = items(40)
    for row in rows[::2]:
        row["do"] = "harm"
    for _ in range(2):
        place = stacks.upload("items.jsonl", json_lines(rows))
        detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=5, maxAttempts=1))
        assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 40)


@pytest.mark.parametrize("how", ["die-once", pytest.param("hang-once", marks=pytest.mark.real_clock)])
def test_a_processor_killed_in_mid_chunk_delays_its_chunk_and_loses_nothing(stacks: Stacks, architecture, how):
    prefix, rows = items(20)
    rows[13]["do"] = how
    batch = stacks.start(
        architecture, input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10, itemConcurrency=1
    )
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 20)

    def all_witnessed() -> None:
        witnessed = stacks.witnessed(architecture, prefix)
        assert set(witnessed) == {row["id"] for row in rows}
        assert witnessed[rows[13]["id"]] == 2

    eventually(all_witnessed)


def test_an_item_of_which_the_whole_function_dies_every_time_fails_alone_with_its_cause(stacks: Stacks, architecture):
    prefix, rows = items(12)
    rows[5]["do"] = "die"
    batch = stacks.start(
        architecture, input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=3, maxAttempts=1
    )
    detail = stacks.finished(batch)
    assert (detail["status"], detail["failed"], detail["remaining"]) == ("FAILED", 1, 0)
    [failure] = stacks.failures(architecture, batch)
    assert failure["item"]["id"] == rows[5]["id"]
    assert "its function ended without a result" in failure["error"]

    def all_witnessed() -> None:
        witnessed = stacks.witnessed(architecture, prefix)
        assert set(witnessed) == {row["id"] for row in rows}
        # Once with its neighbours, and once alone.
        assert witnessed[rows[5]["id"]] == 2

    eventually(all_witnessed)


def test_the_schedules_event_delivered_twice_is_one_batch(stacks: Stacks, architecture):
    second = f"{uuid.uuid4().int % 60:02d}"
    year = 2000 + uuid.uuid4().int % 1000
    event = {
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": f"{year}-11-23T06:00:{second}Z",
        "detail": {},
    }
    for _ in range(2):
        if architecture == "sqs":
            stacks.request(event)
        else:
            stacks.execute(event)
    detail = stacks.finished(f"scheduled-{year}1123T0600{second}Z")
    assert (detail["status"], detail["items"]) == ("SUCCEEDED", 100)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"itmes": 5}, "unknown field 'itmes'"),
        ({"items": -1}, "items: -1"),
        ({"itemsPerChunk": "ten"}, "itemsPerChunk: 'ten'"),
        ({"input": "s3://bucket/key"}, "input: "),
    ],
)
def test_a_bad_request_ends_failed_with_the_fields_name(stacks: Stacks, architecture, request_, said):
    detail = stacks.finished(stacks.start(architecture, **request_))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert said in detail["reason"]


def test_a_request_whose_optional_fields_are_null_is_served_like_one_without_them(stacks: Stacks, architecture):
    nulls = dict.fromkeys([*LIMITS, "input", "redrive"])
    detail = stacks.finished(stacks.start(architecture, **{**nulls, "items": 3}))
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 3)


def test_a_chunk_longer_than_an_invocation_is_finished_piece_by_piece_and_no_item_twice(stacks: Stacks, architecture):
    """The functions have 3 seconds: after two items of a piece, a busy machine has a second left to end it."""
    prefix, rows = items(4, value=900)
    batch = stacks.start(
        architecture, input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=4, itemConcurrency=1,
        maxAttempts=1,
    )  # fmt: skip
    assert stacks.finished(batch)["status"] == "SUCCEEDED"
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


def test_an_input_object_that_is_not_there_ends_failed_with_its_name(stacks: Stacks, architecture):
    place = {"bucket": stacks.sqs["InputBucketName"], "key": "input/nowhere.jsonl"}
    detail = stacks.finished(stacks.start(architecture, input=place))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert "input/nowhere.jsonl" in detail["reason"]


def test_an_input_object_that_aws_does_not_show_says_that_it_may_not_be_there(stacks: Stacks, architecture, plan: Plan):
    """AWS's answer for a missing object too, since no role may list the input bucket."""
    outputs = stacks.sqs if architecture == "sqs" else stacks.sfn
    # In Step Functions the batcher first reads whether the batch was started before.
    refusal = {"operation": "GetObject", "error": "AccessDenied", "status": 403, "after": int(architecture == "sfn")}
    plan({"kind": "error", "function": outputs["BatcherFunctionName"], "count": 1, **refusal})
    place = stacks.upload("items.jsonl", b"")
    detail = stacks.finished(stacks.start(architecture, input=place))
    assert detail["status"] == "FAILED"
    assert f"{place['key']}: AccessDenied: there is none, or the stack may not read it" in detail["reason"]


def test_lines_that_are_no_items_end_recorded_as_failed_and_the_others_are_processed(stacks: Stacks, architecture):
    prefix, rows = items(3)
    content = json_lines(rows) + b'not json\n[]\n{"value": 1}\n'
    batch = stacks.start(architecture, input=stacks.upload("items.jsonl", content), maxAttempts=1)
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 3, 3)
    failed = {failure["item"]["id"]: failure["error"] for failure in stacks.failures(architecture, batch)}
    # By the place of the line in the object, in bytes.
    places = [len(json_lines(rows)) + offset for offset in (0, len("not json\n"), len("not json\n[]\n"))]
    assert sorted(failed) == sorted(f"byte-{place}" for place in places)
    assert all(error.startswith("InvalidItem: ") for error in failed.values())
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


def test_a_file_that_breaks_off_ends_failed_with_the_reason(stacks: Stacks, architecture):
    rows = [{"id": f"broken-{n}", "value": 0, "text": os.urandom(25_000).hex()} for n in range(220)]
    whole = gzip.compress(json_lines(rows), compresslevel=1)
    place = stacks.upload("broken.jsonl.gz", whole[: len(whole) * 9 // 10])
    detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=16))
    assert detail["status"] == "FAILED"
    assert "is not whole" in detail["reason"]


def test_beyond_the_accounts_concurrency_a_batch_is_slower_and_spends_no_attempt(
    stacks: Stacks, architecture, plan: Plan
):
    prefix, rows = items(80, value=20)
    rows[45]["do"] = "fail"
    injected = plan({"kind": "concurrency", "limit": 2})
    batch = stacks.start(
        architecture,
        input=stacks.upload("items.jsonl", json_lines(rows)),
        itemsPerChunk=2,
        maxAttempts=2,
        toleratedFailurePercentage=10,
    )
    detail = stacks.finished(batch)
    assert injected() > 0
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("SUCCEEDED", 79, 1)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
    assert [failure["attempts"] for failure in stacks.failures(architecture, batch)] == [2]
