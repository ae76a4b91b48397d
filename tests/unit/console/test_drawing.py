"""Drawings: they show the counts, they stay small, and no text of others gets into them unescaped."""

import random
import re

from handlers.sqs.records import SEGMENT_STRIDE, ChunkLeft
from handlers.sqs.table import FOREVER
from rollcall.batches.batch import Progress, Result
from rollcall.batches.sight import Children, Counts, Key, Map, Sight
from rollcall.console import drawing
from rollcall.console.flow_drawing import Box
from rollcall.console.flow_drawing import drawing as flow

NOW = 1_000_000


def sight(counts: Counts, seen: Progress | Result | None = None, chunks: Map | None = None) -> Sight:
    return Sight(Key("sqs", "b"), NOW, seen or Progress("processing", 100, 10, 0), counts, chunks or Map(), 10)


ENDED = Result("b", "sqs", "FAILED", items=100)


def left(seq: int, attempts: int = 0, lease_until: int = 0) -> ChunkLeft:
    return ChunkLeft(seq, 10, attempts, lease_until, 0)


def widths(svg: str) -> dict[str, float]:
    return {
        name: float(width) for name, width in re.findall(r'<rect class="(\w+)" x="[\d.]+" y="0" width="([\d.]+)"', svg)
    }


def test_a_bar_shows_each_count_as_its_share():
    svg = drawing.bar(sight(Counts(50, 10, 15, 20, 5)))
    assert widths(svg) == {"done": 500, "failed": 100, "working": 150, "waiting": 200, "unmade": 50}
    assert 'aria-label="50 done, 10 failed, 15 in work, 20 waiting, 5 not made yet"' in svg


def test_one_failed_item_of_millions_is_seen():
    assert widths(drawing.bar(sight(Counts(5_000_000, 1, 0, 0, 0), ENDED)))["failed"] == 2


def test_what_is_left_of_a_batch_that_has_ended_remains():
    assert drawing.said(sight(Counts(50, 0, 0, 7, 0), ENDED)) == "50 done, 7 remaining"


def test_the_items_of_a_child_that_runs_are_not_said_to_be_in_work():
    counted, counts = (("done", 50), ("working", 100), ("waiting", 150)), Counts(500, 0, 1000, 1500, 0)
    steps, each = (Map(counted=counted, children=Children(number, 2, 3)) for number in (50, 1))
    assert drawing.said(sight(counts, chunks=steps)) == "500 done, 1,000 in children that run, 1,500 waiting"
    assert drawing.said(sight(counts, chunks=each)) == "500 done, 1,000 in work, 1,500 waiting"
    assert len(drawing.states_of(steps, NOW)) == 300


def test_a_map_has_each_chunk_in_its_state_across_segments():
    chunks = Map(((0, 3), (7, 2)), (left(1, 1, NOW + 1), left(7 * SEGMENT_STRIDE + 1), left(2, 1)))
    assert drawing.states_of(chunks, NOW) == ["done", "working", "again", "done", "waiting"]
    assert [chunks.number_at(place) for place in (0, 3, 4, 5)] == [0, 7 * SEGMENT_STRIDE, 7 * SEGMENT_STRIDE + 1, None]
    assert chunks.place(7 * SEGMENT_STRIDE + 1) == 4


def test_a_chunk_that_is_taken_out_is_not_in_work():
    assert drawing.states_of(Map(((0, 1),), (left(0, 0, FOREVER),)), NOW) == ["waiting"]


def test_above_ten_thousand_chunks_a_cell_stands_for_several():
    assert drawing.cells_of(["done"] * 10_000) == (["done"] * 10_000, 1)
    cells, each = drawing.cells_of(["done"] * 19_999 + ["working"])
    assert (len(cells), each) == (10_000, 2)
    assert cells[-1] == "mixed"
    assert drawing.cells_of(["done"] * 1_000_000) == (["done"] * 10_000, 100)


def test_the_worst_map_of_ten_thousand_cells_is_a_few_paths_of_bounded_size():
    states = random.Random(1).choices(["done", "failed", "working", "waiting", "again"], k=10_000)
    svg = drawing.chunk_map(states)
    assert svg.count("<path") == 6
    assert len(svg) < 200_000
    covered = sum(int(length) for length in re.findall(r"h(\d+)v1", svg))
    assert covered == 10_000


def test_texts_of_others_are_escaped():
    svg = flow([Box(0, 0, "<script>alert(1)</script>", ['"><img>'])], [], 1, "<b>")
    assert "<script>" not in svg
    assert "<img>" not in svg
    assert "<b>" not in svg
