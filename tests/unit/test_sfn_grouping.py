"""How many chunks a child has: as many as it has time for, none of them twice, and never too many at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.sfn.express import ANY_MINUTE, begin_minutes
from handlers.sfn.grouping import MOST_CHUNKS, USED, WORTH_READING, grouped
from handlers.sfn.store import READ_TOGETHER

CONCURRENCY = st.integers(1, 10_000)
CHUNKS = st.integers(1, 5_000_000)


@given(CHUNKS, st.floats(0, 250_000), CONCURRENCY, st.integers(0, MOST_CHUNKS), st.integers(1, ANY_MINUTE))
def test_max_concurrency_bounds_the_processors_of_all_children_together(chunks, size, concurrency, each, minutes):
    found = grouped(chunks, size, concurrency, each, minutes)
    assert 1 <= found.children_at_once * found.chunks_at_once <= concurrency
    assert found.children * found.per_child >= chunks > (found.children - 1) * found.per_child
    assert 1 <= found.per_child <= MOST_CHUNKS
    if each:
        assert found.per_child == each


@given(CHUNKS, st.floats(0, 250_000), CONCURRENCY, st.integers(1, ANY_MINUTE))
def test_no_place_of_max_concurrency_stands_empty_while_there_are_chunks(chunks, size, concurrency, minutes):
    found = grouped(chunks, size, concurrency, 0, minutes)
    assert found.children_at_once * found.chunks_at_once >= USED * concurrency
    # In the first moment: each child that begins works at so many of its chunks.
    at_first = min(found.children, found.children_at_once) * min(found.per_child, found.chunks_at_once)
    assert at_first >= min(chunks, USED * concurrency) / 2


def test_one_chunk_a_child_is_the_shape_of_a_child_for_each_chunk():
    found = grouped(1_000, 4_000, 10, 1, 2)
    assert (found.children, found.per_child, found.children_at_once, found.chunks_at_once) == (1_000, 1, 10, 1)


@pytest.mark.parametrize(("size", "per_child"), [(1_000, 50), (4_000, 25), (READ_TOGETHER // 2, 50)])
def test_children_are_as_many_as_read_their_chunks_at_once_if_that_is_cheaper(size, per_child):
    """A hundred chunks, two children at a time: as few children as hold 50 chunks, or 29 of 4,000 bytes."""
    assert grouped(100, size, 10, 0, 2).per_child == per_child
    assert READ_TOGETHER // 4_000 > WORTH_READING


@pytest.mark.parametrize(("timeout", "in_turn"), [(60, 10), (90, 5), (3, 10)])
def test_the_longer_a_chunk_may_take_the_fewer_a_child_has(timeout, in_turn):
    assert grouped(10_000, 0, 10, 0, begin_minutes(timeout, 10)).per_child == 5 * in_turn
