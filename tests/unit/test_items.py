"""Items, chunks, windows and the bitmap of settled items."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws.sqs import MAX_BATCH_BYTES, full_batches
from handlers.core.batch import BatchRequest
from handlers.core.bitmap import marked_indexes, unmarked_indexes, with_marked
from handlers.core.items import ERROR_KEY, MAX_ITEM_BYTES, checked, chunks
from handlers.sqs.batcher import windows
from handlers.sqs.messages import ChunkMessage, chunk_body
from handlers.sqs.records import BatchKey, ChunkKey, shards_for
from handlers.sqs.segments import MAX_CHUNK_BYTES


def numbered(count: int) -> list[dict]:
    return [{"id": f"i{n}", "value": n} for n in range(count)]


@given(count=st.integers(0, 60), size=st.integers(1, 20), resume=st.integers(0, 60))
def test_chunks_hold_every_item_once_and_are_the_same_after_a_resume(count, size, resume):
    items = numbered(count)
    made = list(chunks(items, size, 10**6))
    assert [json.loads(text)["id"] for chunk in made for text in chunk.items] == [item["id"] for item in items]
    assert [chunk.seq for chunk in made] == list(range(len(made)))
    assert all(len(chunk.items) == size for chunk in made[:-1])
    if resume < len(made):
        start = made[resume]
        again = list(chunks(items[start.first_item :], size, 10**6, start.seq, start.first_item))
        assert again == made[resume:]


@given(st.lists(st.integers(0, 400), max_size=40))
def test_a_chunk_stays_below_its_bytes(lengths):
    items = [{"id": str(index), "text": "x" * length} for index, length in enumerate(lengths)]
    made = list(chunks(items, 1000, 900))
    assert sum(len(chunk.items) for chunk in made) == len(items)
    assert all(sum(map(len, chunk.items)) <= 900 for chunk in made)


@pytest.mark.parametrize(
    "item", [{}, {"id": None}, {"id": ""}, {"id": "x" * 257}, {"id": []}, {"id": True}, {"id": 1.5}, {"id": 10**300}]
)
def test_an_item_without_a_usable_id_becomes_one_that_fails_with_the_reason(item):
    text = json.loads(checked(item, 7))
    assert text["id"] == "item-7"
    assert "id must be" in text[ERROR_KEY]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes"])
def test_an_item_that_json_cannot_say_fails_with_the_reason(value):
    text = json.loads(checked({"id": "a", "value": value}, 0))
    assert text["id"] == "a"
    assert "JSON" in text[ERROR_KEY]


@pytest.mark.parametrize(("depth", "invalid"), [(99, False), (100, True), (100_000, True)])
def test_an_item_nested_beyond_reason_fails_with_the_reason(depth, invalid):
    nested: list = []
    for _ in range(depth - 1):
        nested = [nested]
    assert (ERROR_KEY in json.loads(checked({"id": "a", "value": nested}, 0))) == invalid


def test_an_item_may_have_as_many_lists_side_by_side_as_it_likes():
    assert ERROR_KEY not in json.loads(checked({"id": "a", "value": [[]] * 1000, "text": "[" * 1000}, 0))


def test_an_item_larger_than_a_chunk_may_be_fails_with_the_reason():
    [chunk] = chunks([{"id": "a", "text": "x" * 1000}, {"id": "b"}], 10, 500)
    assert [ERROR_KEY in json.loads(text) for text in chunk.items] == [True, False]


def test_a_whole_number_is_a_usable_id():
    assert json.loads(checked({"id": 5, "a": 1}, 0)) == {"id": "5", "a": 1}


def test_an_item_that_is_too_large_fails_with_the_reason_and_is_not_carried():
    text = checked({"id": "big", "text": "x" * MAX_ITEM_BYTES}, 0)
    assert len(text) < 200
    assert "larger than" in json.loads(text)[ERROR_KEY]


def test_the_largest_chunk_fits_a_message():
    items = [{"id": str(n), "text": "x" * 1000} for n in range(3000)]
    key = ChunkKey(BatchKey("b" * 80), 63, 10**8)
    bodies = [chunk_body(key, BatchRequest(), 2**50, chunk.items) for chunk in chunks(items, 10_000, MAX_CHUNK_BYTES)]
    assert max(map(len, bodies)) <= MAX_BATCH_BYTES
    assert all(sum(map(len, group)) <= MAX_BATCH_BYTES for group in full_batches(bodies))


def test_a_chunk_message_reads_as_it_was_written():
    key = ChunkKey(BatchKey("b", 2), 3, 4)
    request = BatchRequest(item_concurrency=5, max_attempts=6)
    assert ChunkMessage.parse(chunk_body(key, request, 9, ['{"id":"x"}'])) == ChunkMessage(key, 5, 6, 9, [{"id": "x"}])


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"batchId": "x"}', "not JSON"])
def test_a_strangers_message_is_recognised(body):
    with pytest.raises((ValueError, KeyError, TypeError)):
        ChunkMessage.parse(body)


@given(st.lists(st.integers(1, 900_000), max_size=60))
def test_windows_keep_every_chunk_and_stay_small(sizes):
    stream = [type("C", (), {"items": ["x" * size]}) for size in sizes]
    made = list(windows(stream))
    assert [chunk for window in made for chunk in window] == stream
    assert all(sum(len(chunk.items[0]) for chunk in window) < 10 * 2**20 for window in made)


@given(st.integers(1, 300), st.data())
def test_the_bitmap_remembers_what_is_settled(count, data):
    settled: set[int] = set()
    bitmap = b""
    for _ in range(3):
        more = data.draw(st.sets(st.integers(0, count - 1)))
        bitmap = with_marked(bitmap, more, count)
        settled |= more
        assert unmarked_indexes(bitmap, count) == sorted(set(range(count)) - settled)
    assert marked_indexes(bitmap) == sorted(settled)
    assert len(bitmap) == ((count + 7) // 8 if settled else 0)


def test_shards_follow_the_size_of_the_batch():
    assert [shards_for(n) for n in (0, 100, 20_000, 1_000_000, 10**8)] == [1, 1, 2, 51, 64]
