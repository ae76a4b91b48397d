"""A redrive of some failed items: which it runs, and how the others get through it unchanged, in both architectures."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.batch import MAX_PATTERN, BatchRequest, InvalidRequest, Redrive, Status
from handlers.core.clock import Clock
from handlers.core.items import MAX_ITEM_BYTES, chunks
from handlers.core.json_text import unsealed
from handlers.core.rejected import as_failed, invalid_reason, is_kept, kept, rejected
from handlers.core.run_items import Results, without_rejections
from handlers.core.selection import Selection
from handlers.sfn.map_runs import MapRuns
from handlers.sfn.redrive import items_of
from handlers.sqs.records import Batch, BatchKey, ChunkKey
from handlers.sqs.segments import FAILED_ITEMS, SegmentItems
from handlers.sqs.table import BatchTable
from tests.model.dynamodb import DynamoDBClient, Records, execute
from tests.unit.sfn_world import S3, States, Time, made, objects, started

NOW = 1_795_000_000_000
ERRORS = ("HTTPError: 503", "KeyError: 'zip'\n  work.py, line 3, in process", "HTTPError: 404")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.just("\ud800")


def failures(count: int) -> list[dict]:
    return [{"item": {"id": str(n), "n": n}, "error": ERRORS[n % 3], "attempts": 1} for n in range(count)]


def test_what_the_pattern_selects_runs_and_everything_else_is_kept():
    selection = Selection("HTTPError: ...")
    run = [selection.failed(each["item"], each["error"]) for each in failures(6)]
    assert [is_kept(item) for item in run] == [False, True, False, False, True, False]
    assert run[1] == kept({"id": "1", "n": 1}, ERRORS[1])
    assert [Selection(None).failed(each["item"], each["error"]) for each in failures(2)] == [
        {"id": "0", "n": 0},
        {"id": "1", "n": 1},
    ]


def test_what_is_no_item_fails_again_by_itself():
    item = rejected("line-3", "not JSON")
    assert Selection("HTTPError*").failed(item, "InvalidItem: not JSON") is item


@given(TEXTS, TEXTS.filter(bool), st.booleans())
def test_what_is_kept_is_not_processed_and_is_recorded_as_it_was(value: str, error: str, seal: bool):
    item = {"id": "a", "value": value}
    [chunk] = chunks([kept(item, error)], 10, MAX_ITEM_BYTES, seal=seal)
    [travelled] = map(unsealed, map(json.loads, chunk.items))
    results = Results()
    assert without_rejections({0: travelled}, results) == {}
    assert (results.failed, results.permanent) == ({0: error}, {0})
    assert as_failed(travelled, "another error") == (item, error)


def test_the_largest_item_is_kept_too_and_its_error_is_not_cut():
    item = {"id": "a", "value": "x" * (MAX_ITEM_BYTES - 30)}
    error = "HTTPError: " + "é" * 989
    [chunk] = chunks([kept(item, error)], 10, MAX_ITEM_BYTES)
    assert as_failed(json.loads(chunk.items[0]), "") == (item, error)


def test_an_input_cannot_pass_for_what_is_kept():
    assert not is_kept({"id": "a", "$kept": {"id": "b"}})
    assert invalid_reason({"id": "a", "$kept": {"id": "b"}}) is None
    assert invalid_reason({"id": "a", "$error": "no"}) == "InvalidItem: no"


@pytest.mark.parametrize("skip", [0, 1, 5, 11, 12, 20])
def test_a_batcher_that_resumes_a_redrive_selects_the_same(skip: int):
    records: Records = {}
    table = BatchTable(
        DynamoDBClient(lambda operation, asked: execute(records, operation, asked, page_size=5)), "table"
    )
    request = BatchRequest(items=12, items_per_chunk=3)
    ended = Batch(BatchKey("b"), Status.FAILED, request, 2, NOW, NOW + 1, expected=12, extent=12)
    table.create_batch(ended)
    for seq in range(4):
        failed = {
            index: (each["item"], each["error"]) for index, each in enumerate(failures(12)[seq * 3 : seq * 3 + 3])
        }
        table.put_failed(ChunkKey(ended.key, seq % 2, seq), failed, 1, NOW)
    redriven = replace(ended, key=BatchKey("b", 2), only_error="HTTPError: 5*", status=Status.OPEN)
    table.create_batch(redriven)
    assert table.get_batch("b", 2).only_error == "HTTPError: 5*"
    items = SegmentItems(table, lambda *_: iter(()))
    everything = list(items(redriven, FAILED_ITEMS, 0))
    assert sum(map(is_kept, everything)) == 8
    assert list(items(redriven, FAILED_ITEMS, skip)) == everything[skip:]


def test_what_a_cancelled_redrive_has_kept_is_selected_anew_by_the_next():
    again = Selection("KeyError*")
    left = [Selection("HTTPError: 5*").failed(each["item"], each["error"]) for each in failures(3)]
    # The first of them was to be run, and so its error is of no interest any more.
    assert [again.left(item) for item in left] == [
        {"id": "0", "n": 0},
        {"id": "1", "n": 1},
        kept({"id": "2", "n": 2}, ERRORS[2]),
    ]
    assert [Selection(None).left(item) for item in left] == [each["item"] for each in failures(3)]


def test_an_execution_selects_by_what_its_start_says():
    s3 = S3()
    started(s3, 0)
    objects(s3).put_made(made(1))
    objects(s3).put_failed(0, failures(3))
    objects(s3).put_ending({"failed": 3, "remaining": 0, "chunks": 1}, 0)
    start = objects(s3).find_started()
    assert start
    objects(s3, 2).start(replace(start, only_error="KeyError*"))
    found = list(items_of(objects(s3, 2), BatchRequest(), MapRuns(States({})), Clock(Time()), 0))
    assert found == [kept({"id": "0", "n": 0}, ERRORS[0]), {"id": "1", "n": 1}, kept({"id": "2", "n": 2}, ERRORS[2])]
    # One that made no chunks has left over what it was to run, and what it was to keep.
    objects(s3, 3).start(replace(start, only_error="HTTPError*"))
    found = list(items_of(objects(s3, 3), BatchRequest(), MapRuns(States({})), Clock(Time()), 1))
    assert found == [{"id": "1", "n": 1}, {"id": "2", "n": 2}]


def test_a_request_may_name_the_error():
    asked = {"redrive": {"batchId": "b", "generation": 1, "error": "HTTPError*"}}
    request = BatchRequest.parse(asked)
    assert request.redrive == Redrive("b", 1, "HTTPError*")
    assert request.to_json() == asked
    assert BatchRequest.parse({"redrive": {**asked["redrive"], "error": None}}).to_json() == {
        "redrive": {"batchId": "b", "generation": 1}
    }


@pytest.mark.parametrize("error", ["", 7, ["x"], "x" * (MAX_PATTERN + 1), "half \ud800", {}], ids=repr)
def test_an_error_that_is_no_pattern_is_refused(error: object):
    with pytest.raises(InvalidRequest, match=r"redrive\.error: .* must be a text of 1 to 2,000 characters"):
        BatchRequest.parse({"redrive": {"batchId": "b", "generation": 1, "error": error}})
