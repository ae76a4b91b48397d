"""A child's references to its chunks, and what is left of a chunk for another child."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handlers.core.items import Chunk
from handlers.sfn.batcher import references, references_left
from handlers.sfn.chunk_file import ChunkWriter, Cursor
from handlers.sfn.handed_on import failures_in, with_items
from handlers.sfn.store import READ_TOGETHER, BatchObjects, Part
from tests.unit.sfn_world import BUCKET, S3, objects

TEXTS = st.lists(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3), min_size=1, max_size=12)


def written(s3: S3, texts: list[list[str]], per_child: int) -> BatchObjects:
    """A batch of chunks with these texts, its file of chunks and its first Map Run's input."""
    batch = objects(s3)
    chunks = [
        Chunk(seq, 0, [json.dumps({"id": text}, ensure_ascii=False) for text in each]) for seq, each in enumerate(texts)
    ]
    writer = ChunkWriter(s3, BUCKET, batch.chunks_key, Cursor(), 1_000)
    assert writer.write(chunks, lambda: True)
    batch.put_children(1, references(iter(writer.lengths)), per_child)
    return batch


def children(s3: S3, run: int = 1) -> list[dict]:
    return json.loads(s3.objects[objects(s3).children_key(run)])


@given(TEXTS.filter(lambda texts: json.dumps(texts).isprintable()), st.integers(1, 12))
def test_a_reference_leads_to_its_chunk_whatever_the_chunks_before_it_hold(texts, per_child):
    s3 = S3()
    batch = written(s3, texts, per_child)
    rows = children(s3)
    assert [len(row["chunks"]) for row in rows[:-1]] == [per_child] * (len(rows) - 1)
    found = [chunk for row in rows for chunk in row["chunks"]]
    assert [chunk["seq"] for chunk in found] == list(range(len(texts)))
    for chunk, wanted in zip(found, texts, strict=True):
        assert [item["id"] for item in batch.items_at(chunk["at"], chunk["bytes"])] == wanted
    for row in rows:
        # As the state machine reads them.
        file = s3.objects[batch.chunks_key][row["first"] : row["last"] + 1].decode()
        assert [chunk["seq"] for chunk in json.loads(f"[{file}]")] == [chunk["seq"] for chunk in row["chunks"]]
        assert {chunk["attempt"] for chunk in row["chunks"]} == {1}


def test_a_child_reads_at_once_only_what_stays_far_below_a_states_input():
    s3 = S3()
    half = ["x" * (READ_TOGETHER // 2)]
    written(s3, [half, half, ["x"], ["y"]], 2)
    heavy, light = children(s3)
    assert (heavy["first"], heavy["last"]) == (0, 0)
    assert 0 < light["first"] < light["last"]


def event(chunk: dict, **fields: Any) -> Any:
    return {"batch": {"batchId": "b", "generation": 1, "run": 2}, "chunk": chunk, "attempt": 1} | fields


ITEMS = [{"id": "a"}, {"id": "b"}]
LEFT = {
    "batch": {"run": 1}, "chunk": {"seq": 3, "items": ITEMS}, "attempt": 2, "died": {"count": 0}, "failures": ["no"],
    "final": {"items": [{"id": "c"}], "errors": ["never"]}, "oneByOne": True,
}  # fmt: skip


def left(s3: S3, name: str, value: dict) -> None:
    objects(s3).objects.put(f"left/b/1/{name}", value)


def test_what_a_child_has_left_goes_on_in_another_one_at_the_same_attempt():
    s3 = S3()
    left(s3, "1/3-2-0", LEFT)
    taken = with_items(event({"seq": 3, "left": "1/3-2-0"}, attempt=2, died={"count": 0}), objects(s3))
    assert taken == LEFT | {"batch": {"batchId": "b", "generation": 1, "run": 2}}


def test_a_processor_that_dies_of_what_was_left_is_told_so_and_another_attempt_is_one_at_all_items():
    s3 = S3()
    left(s3, "1/3-2-0", LEFT)
    where, error = {"seq": 3, "left": "1/3-2-0"}, {"Error": "killed"}
    died = with_items(event(where, attempt=2, died={"count": 1}, error=error), objects(s3))
    assert (died["died"], died["error"], died["failures"]) == ({"count": 1}, error, ["no"])
    again = with_items(event(where, attempt=3, died={"count": 0}), objects(s3))
    assert (again["chunk"]["items"], again["final"]) == (ITEMS, LEFT["final"])
    assert "failures" not in again
    assert "oneByOne" not in again


def test_a_chunk_that_was_left_before_it_was_begun_is_read_from_the_file_of_chunks():
    s3 = S3()
    written(s3, [["a"], ["b"]], 2)
    [row] = children(s3)
    left(s3, "1/1-1-0", event(row["chunks"][1]) | {"died": {"count": 0}})
    taken = with_items(event({"seq": 1, "left": "1/1-1-0"}), objects(s3))
    assert taken["chunk"] == {"seq": 1, "items": [{"id": "b"}]}


def test_the_failures_of_what_was_left_are_those_that_the_recorder_would_have_recorded():
    s3 = S3()
    left(s3, "1/3-failed", LEFT)
    found = failures_in(with_items(objects(s3).left("1/3-failed"), objects(s3)))  # type: ignore[arg-type]
    assert [(failed["item"]["id"], failed["error"], failed["attempts"]) for failed in found] == [
        ("a", "", 2), ("b", "no", 2), ("c", "never", 2),
    ]  # fmt: skip


def test_what_is_left_is_handed_out_but_for_the_failures_that_the_finalizer_records():
    s3 = S3()
    for name in ("1/12-2-1", "1/3-1-0", "1/4-failed", "2/5-1-0"):
        left(s3, name, {})
    assert sorted(references_left(objects(s3).names_left(1)), key=lambda chunk: chunk["seq"]) == [
        {"seq": 3, "left": "1/3-1-0", "attempt": 1, "died": 0},
        {"seq": 12, "left": "1/12-2-1", "attempt": 2, "died": 1},
    ]


@given(st.integers(1, 50), st.integers(1, 12))
def test_so_many_children_have_at_least_so_many_chunks_whichever_they_are(chunks, per_child):
    sizes = [min(per_child, chunks - first) for first in range(0, chunks, per_child)]
    part = Part(1, chunks, len(sizes), per_child)
    for count in range(len(sizes) + 1):
        assert part.in_children(count) == sum(sorted(sizes)[:count])
