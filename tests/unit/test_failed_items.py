"""Items that failed for good, in a table in memory: what their records cost, and how millions of them are counted."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.batch import BatchRequest, Status
from handlers.core.clock import Clock
from handlers.core.files.unreadable import NOT_READ, ReadableItems
from handlers.core.items import MAX_ID_LENGTH
from handlers.core.rejected import rejected
from handlers.sqs.encoding import failed_record
from handlers.sqs.finalizer import Finalizer
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.messages import ChunkMessage, FinalizerMessage
from handlers.sqs.records import Batch, BatchKey, ChunkKey
from handlers.sqs.segments import FAILED_ITEMS, SegmentItems, unsettled
from handlers.sqs.sizes import LEAST_ERROR_BYTES, WRITE_BYTES, record_bytes
from handlers.sqs.table import BatchTable
from sandbox.meter.item_size import item_bytes
from tests.model.dynamodb import DynamoDBClient, Records, execute

KEY = BatchKey("b" * 80, 9999)
CHUNK = ChunkKey(KEY, 63, 999 * 100_000_000 + 99_999_999)
NOW = 1_795_000_000_123
ERRORS = st.text(max_size=1000)


def units(item: dict, error: str) -> int:
    return math.ceil(record_bytes(failed_record(CHUNK, 9_999, item, error, 10, NOW // 1000)) / WRITE_BYTES)


@given(item_id=st.text(st.characters(codec="ascii", exclude_characters='"\\'), min_size=1, max_size=256), error=ERRORS)
def test_a_failed_items_record_is_one_write_unit_whatever_its_error(item_id, error):
    assert units({"id": item_id, "value": 1000, "fail": True}, error) == 1


@given(item_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=256), error=ERRORS)
def test_an_error_takes_no_unit_that_the_item_and_its_beginning_do_not_take(item_id, error):
    item = {"id": item_id}
    least = record_bytes(failed_record(CHUNK, 9_999, item, "", 10, NOW // 1000)) + LEAST_ERROR_BYTES
    assert units(item, error) <= math.ceil(least / WRITE_BYTES)


@pytest.mark.parametrize(
    ("item_id", "takes"), [("i" * MAX_ID_LENGTH, 1), ("é" * MAX_ID_LENGTH, 1), ("語" * 200, 1), ("😀" * 256, 2)]
)
def test_the_longest_ids_take_what_their_utf_8_takes(item_id, takes):
    record = failed_record(CHUNK, 9_999, {"id": item_id}, "ValueError: " + "😀" * 988, 10, NOW // 1000)
    assert math.ceil(record_bytes(record) / WRITE_BYTES) == takes
    assert record_bytes(record) == item_bytes(record)
    assert record["error"]["S"].startswith("ValueError: 😀")
    assert json.loads(record["item"]["S"]) == {"id": item_id}


def test_half_a_character_in_an_item_can_be_recorded():
    record = failed_record(CHUNK, 0, {"id": "a", "x": "\ud800"}, "no", 1, NOW)
    assert json.loads(record["item"]["S"].encode()) == {"id": "a", "x": "\ud800"}


class Time:
    """Lambda's context, of a function that has time for so many calls."""

    def __init__(self, calls: int):
        self.calls = calls
        self.asked = 0

    def get_remaining_time_in_millis(self) -> int:
        self.asked += 1
        return 60_000 if self.asked <= self.calls else 1_000


@pytest.fixture
def asked() -> list[tuple[str, str]]:
    """Every call of the table: what for, and of which partition."""
    return []


@pytest.fixture
def table(asked) -> BatchTable:
    records: Records = {}

    def call(operation: str, arguments: dict) -> dict:
        partition = arguments.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", "")
        asked.append((operation, partition))
        return execute(records, operation, arguments, page_size=100)

    return BatchTable(DynamoDBClient(call), "table")


def finalizer(table: BatchTable, published: list[dict]) -> Finalizer:
    events = SimpleNamespace(publish=lambda kind, detail: published.append(detail))
    return Finalizer(table, None, events, SegmentItems(table, nothing), None, 60, 900)  # type: ignore[arg-type]


def nothing(*_: object) -> Iterator[dict]:
    return iter(())


def failed_batch(table: BatchTable, chunks: int, each: int, now: int, broken: str | None = None) -> Batch:
    """A batch of two shards all of whose items have failed."""
    key = BatchKey("b")
    request = BatchRequest(items=chunks * each, items_per_chunk=each, max_attempts=1)
    batch = Batch(
        key, Status.OPEN, request, 2, now, now + 3_600_000, frozenset({0}), 1, chunks * each, chunks * each,
        chunks * each,
    )  # fmt: skip
    table.create_batch(batch)
    table.finish_segment(key, 0, chunks * each, chunks, max_items=chunks * each, broken=broken)
    for seq in range(chunks):
        failed = {index: ({"id": f"{seq}-{index}"}, "no") for index in range(each)}
        table.put_failed(ChunkKey(key, seq % 2, seq), failed, 1, now)
    return batch


def test_counting_goes_on_where_a_look_ran_out_of_time_and_reads_no_failed_item(table, asked):
    published: list[dict] = []
    now = Clock(Time(1)).now()
    batch = failed_batch(table, 3_000, 2, now)
    looks = 0
    asked.clear()
    while not published:
        looks += 1
        assert looks < 40
        assert finalizer(table, published).check(FinalizerMessage(batch.key, check=True), Clock(Time(6))) in (0, None)
    assert (published[0]["status"], published[0]["failed"], published[0]["remaining"]) == ("FAILED", 6_000, 0)
    assert looks > 3
    pages = [partition for operation, partition in asked if operation == "Query"]
    assert not [partition for partition in pages if partition.startswith("failed#")]
    # Each page is read by one look, or twice by the look that finds no time for it.
    assert len([partition for partition in pages if partition.startswith("failures#")]) <= 30 + 2 * looks + 2


def test_people_are_told_how_many_failed_without_reading_a_failed_item(table, asked):
    batch = failed_batch(table, 300, 3, NOW)
    asked.clear()
    assert table.count_failed(batch) == 900
    assert {partition.split("#")[0] for _, partition in asked} == {"failures"}


@pytest.mark.parametrize("skip", [0, 1, 299, 300, 301, 599, 600, 899, 900, 2_000])
def test_a_redrive_goes_on_in_the_middle_of_the_failed_items_without_reading_those_before(table, asked, skip):
    batch = failed_batch(table, 300, 3, NOW)
    everything = [failed["item"]["id"] for failed in table.failed_items(batch)]
    assert len(everything) == 900
    asked.clear()
    assert [failed["item"]["id"] for failed in table.failed_items(batch, skip)] == everything[skip:]
    read = [partition for _, partition in asked if partition.startswith("failed#")]
    assert len(read) <= math.ceil((900 - skip + 300) / 100) + 2 if skip < 900 else not read


@pytest.mark.parametrize("skip", [0, 1, 299, 900, 901])
def test_a_redrive_of_an_input_that_broke_off_breaks_off_after_the_failed_items(table, asked, skip):
    reason = f"line 7: a quote is open; {NOT_READ}"
    batch = failed_batch(table, 300, 3, NOW, broken=reason)
    redriven = replace(batch, key=BatchKey("b", 2))
    asked.clear()
    items = ReadableItems(SegmentItems(table, nothing)(redriven, FAILED_ITEMS, skip))
    assert len(list(items)) == max(0, 900 - skip)
    assert items.reason == reason
    assert skip < 900 or not [partition for _, partition in asked if partition.startswith("failed#")]


def test_what_is_no_item_fails_for_that_where_its_attempts_ended_without_a_result(table):
    key = ChunkKey(BatchKey("b"), 0, 0)
    items = [rejected("line-3", "not JSON", b"no"), {"id": "a"}]
    table.put_chunks({key: 2}, NOW)
    claim = table.claim_chunk(key, NOW, NOW + 1)
    finished = FinishedChunks(table, None, Clock(Time(9)))  # type: ignore[arg-type]
    finished.add_failed(claim, ChunkMessage(key, 1, 1, NOW, items), {0: "OSError: no", 1: "OSError: no"})
    request = BatchRequest(items=2)
    failed = table.failed_items(Batch(key.batch, Status.OPEN, request, 1, NOW, NOW))
    assert [each["error"] for each in failed] == ["InvalidItem: not JSON", "OSError: no"]


def test_an_early_end_looks_up_what_a_dead_holder_has_recorded(table):
    key = ChunkKey(BatchKey("b"), 0, 0)
    table.put_chunks({key: 2}, NOW)
    table.claim_chunk(key, NOW, NOW + 1)
    table.put_failed(key, {0: ({"id": "a"}, "OSError: no")}, 1, NOW)
    batch = Batch(key.batch, Status.OPEN, BatchRequest(items=2, max_attempts=3), 1, NOW, NOW)
    [left] = table.drop_chunks(batch, 0, NOW + 2, 0)
    assert unsettled(table, batch, left) == ([1], {0})
