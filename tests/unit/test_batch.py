"""The batch request, the batch's id and how a batch ends."""

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest

from handlers.core.batch import (
    LIMITS,
    BatchRequest,
    Ending,
    InputObject,
    InvalidRequest,
    Redrive,
    Status,
    batch_id_of,
    batch_id_or,
    camel_case,
    checked_batch_id,
    final_status,
    generation_of,
    new_batch_id,
)

SCHEDULED = {"detail-type": "Scheduled Event", "time": "2026-11-23T06:00:00Z", "detail": {}, "id": "x"}


def test_a_request_takes_what_it_leaves_out_from_the_stacks_parameters():
    request = BatchRequest.parse({"items": 7}, {"items": "500", "itemsPerChunk": "20", "failRate": "0.5"})
    assert request == BatchRequest(items=7, items_per_chunk=20, fail_rate=0.5)


def test_a_scheduled_event_is_a_request_with_no_fields_set():
    assert BatchRequest.parse(SCHEDULED, {"items": "42"}) == BatchRequest(items=42)


def test_a_request_survives_its_json_form():
    request = BatchRequest.parse({"input": {"bucket": "b", "key": "k.jsonl"}, "batchId": "a", "deadlineSeconds": 60})
    assert request.input == InputObject("b", "k.jsonl")
    assert BatchRequest.parse(request.to_json()) == request


@pytest.mark.parametrize("field", sorted(LIMITS))
def test_the_bounds_of_a_field_are_allowed_and_what_lies_beyond_is_refused_by_its_name(field):
    _, low, high = LIMITS[field]
    BatchRequest.parse({field: low})
    BatchRequest.parse({field: high})
    for bad in (low - 1, high + 1, "5", True, [], float("nan")):
        with pytest.raises(InvalidRequest, match=f"^{field}: "):
            BatchRequest.parse({field: bad})


FIELDS = [camel_case(field.name) for field in fields(BatchRequest)]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_null_is_left_out(field):
    asked = {"items": 7, "batchId": "mine", field: None}
    left = {name: value for name, value in asked.items() if value is not None}
    assert BatchRequest.parse(asked, {"items": "3"}) == BatchRequest.parse(left, {"items": "3"})
    assert batch_id_of(asked, "message") == batch_id_of(left, "message")
    assert generation_of(asked) == 1


def test_a_request_of_nulls_alone_is_an_empty_one_and_a_redrives_other_fields_may_be_null():
    assert BatchRequest.parse(dict.fromkeys(FIELDS)) == BatchRequest()
    place = {"bucket": "b", "key": "k.csv", "etag": None}
    assert BatchRequest.parse({"input": place}).input == InputObject("b", "k.csv")
    redrive = {**dict.fromkeys(FIELDS), "redrive": {"batchId": "b", "generation": 2}}
    assert BatchRequest.parse(redrive).redrive == Redrive("b", 2)
    assert generation_of(redrive) == 3


def test_an_unknown_field_is_refused_even_if_it_is_null():
    with pytest.raises(InvalidRequest, match="itmes"):
        BatchRequest.parse({"itmes": None})


def test_a_scheduled_event_redrives_nothing_whatever_it_carries():
    event = SCHEDULED | {"redrive": {"batchId": "b", "generation": 1}}
    assert batch_id_or(event, "") == "scheduled-20261123T060000Z"
    assert generation_of(event) == 1


@pytest.mark.parametrize("fraction", [1.5, 0.0])
def test_a_whole_number_takes_no_fraction(fraction):
    with pytest.raises(InvalidRequest, match="whole number"):
        BatchRequest.parse({"items": fraction})


@pytest.mark.parametrize("asked", [None, [], "text", 5])
def test_a_request_that_is_no_object_is_refused(asked):
    with pytest.raises(InvalidRequest, match="JSON object"):
        BatchRequest.parse(asked)


def test_an_unknown_field_is_refused_by_its_name():
    with pytest.raises(InvalidRequest, match="itmes"):
        BatchRequest.parse({"itmes": 5})


@pytest.mark.parametrize(
    "bad", ["", "a b", "a/b", "x" * 81, 5, "-x", "--aws", ".", "..", ".x", "_x", "a\n", "x\x1b[2J"]
)
def test_a_bad_batch_id_is_refused(bad):
    with pytest.raises(InvalidRequest, match="batchId"):
        BatchRequest.parse({"batchId": bad})


@pytest.mark.parametrize(
    "bad", ["s3://b/k", {"bucket": "b"}, {"bucket": "b", "key": "k", "x": 1}, {"bucket": 1, "key": "k"}]
)
def test_a_bad_input_is_refused(bad):
    with pytest.raises(InvalidRequest, match="input"):
        BatchRequest.parse({"input": bad})


def test_a_bad_parameter_of_the_stack_is_named():
    with pytest.raises(InvalidRequest, match="items: the stack's parameter 'many'"):
        BatchRequest.parse({}, {"items": "many"})


def test_a_redelivered_event_has_the_same_batch_id():
    assert batch_id_of(SCHEDULED, "one") == batch_id_of(SCHEDULED, "two") == "scheduled-20261123T060000Z"
    assert batch_id_of({"batchId": "mine"}, "one") == "mine"
    assert batch_id_of({}, "message-1") == "message-1"


@pytest.mark.parametrize("name", ["--aws", "..", "_x", "a+b", "schön", "x" * 81])
def test_an_executions_name_that_is_no_id_has_an_id_of_its_own(name):
    made = batch_id_or({}, name)
    assert checked_batch_id(made) == made == batch_id_or({}, name) != batch_id_or({}, name + "x")


def test_an_executions_name_that_is_an_id_is_the_batchs():
    assert batch_id_or({"batchId": "-x"}, "name-1") == batch_id_or({}, "name-1") == "name-1"


def test_a_time_that_makes_no_id_is_refused():
    with pytest.raises(InvalidRequest, match="batchId: 'scheduled-0000"):
        batch_id_of(SCHEDULED | {"time": "0" * 100}, "one")


def test_new_batch_ids_have_their_time_can_be_used_and_differ():
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    first, second = new_batch_id(now), new_batch_id(now)
    assert first != second
    assert first.startswith("20261123-060000-")
    assert batch_id_of({"batchId": first}, "") == first


@pytest.mark.parametrize(
    ("items", "failed", "tolerated", "status"),
    [
        (0, 0, 0, Status.SUCCEEDED),
        (10, 0, 0, Status.SUCCEEDED),
        (10, 1, 0, Status.FAILED),
        (10, 1, 10, Status.SUCCEEDED),
        (10, 2, 10, Status.FAILED),
        (10, 10, 100, Status.SUCCEEDED),
    ],
)
def test_the_tolerated_share_of_failed_items_decides(items, failed, tolerated, status):
    assert final_status(items, failed, tolerated) == status


def test_the_events_detail_says_what_was_stored():
    ending = Ending("b", 1, "sqs", Status.FAILED, 10, 7, 2, 1, 3, 1_795_393_286_126, 1_795_393_288_000, None)
    assert ending.detail() == {
        "batchId": "b",
        "generation": 1,
        "architecture": "sqs",
        "status": "FAILED",
        "items": 10,
        "succeeded": 7,
        "failed": 2,
        "remaining": 1,
        "chunks": 3,
        "startedAt": "2026-11-23T00:21:26.126Z",
        "finishedAt": "2026-11-23T00:21:28.000Z",
        "durationSeconds": 1.874,
        "reason": None,
    }
    assert replace(ending, reason="why").detail()["reason"] == "why"
