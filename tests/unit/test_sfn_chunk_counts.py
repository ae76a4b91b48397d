"""A running batch of Step Functions' counts no chunk as done that it cannot know to be done."""

from collections.abc import Mapping

import pytest

from handlers.sfn.store import BatcherOutput, Part
from rollcall.batches.sfn_counts import ChunkCounts, chunk_counts

MADE = BatcherOutput("b", 1, 0, items=3000, chunks=300, children=6, per_child=50)
FIRST = Part(1, 300, 6, 50)


@pytest.mark.parametrize(
    ("part", "children", "left", "counted"),
    [
        (FIRST, {}, 0, ChunkCounts(0, 0, 0, 300)),
        (FIRST, {"running": 2, "pending": 4}, 0, ChunkCounts(0, 0, 100, 200)),
        (FIRST, {"succeeded": 2, "running": 2, "pending": 2}, 0, ChunkCounts(100, 0, 100, 100)),
        # What a child has handed on waits, although the child has succeeded.
        (FIRST, {"succeeded": 2, "running": 2, "pending": 2}, 30, ChunkCounts(70, 0, 100, 130)),
        (FIRST, {"succeeded": 6}, 30, ChunkCounts(270, 0, 0, 30)),
        # The batcher has told of the second Map Run, which has not begun, or has.
        (Part(2, 30, 1, 30), {}, 0, ChunkCounts(270, 0, 0, 30)),
        (Part(2, 30, 1, 30), {"running": 1}, 0, ChunkCounts(270, 0, 30, 0)),
        (FIRST, {"succeeded": 3, "failed": 1, "timedOut": 1, "running": 1}, 0, ChunkCounts(150, 100, 50, 0)),
        (FIRST, {"succeeded": 6}, 0, ChunkCounts(300, 0, 0, 0)),
    ],
)
def test_every_chunk_is_counted_once_by_the_state_of_its_child(
    part: Part, children: Mapping[str, int], left: int, counted: ChunkCounts
) -> None:
    found = chunk_counts(MADE, part, children, left)
    assert found == counted
    assert sum(number for _, number in found.by_state()) == MADE.chunks


def test_of_children_of_which_the_last_is_smaller_as_few_chunks_are_counted_as_they_may_have() -> None:
    made = BatcherOutput("b", 1, 0, items=2100, chunks=210, children=5, per_child=50)
    part = Part(1, 210, 5, 50)
    assert chunk_counts(made, part, {"succeeded": 1, "running": 4}, 0) == ChunkCounts(10, 0, 200, 0)
