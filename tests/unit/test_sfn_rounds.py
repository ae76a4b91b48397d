"""What the Step Functions batcher hands from round to round, and how long a child may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.core.batch import InvalidRequest
from handlers.sfn.chunk_file import Cursor
from handlers.sfn.express import longest_child_seconds, refuse_long_children


@given(sizes=st.lists(st.integers(1, 50), max_size=20), handed_on=st.integers(0, 20))
def test_counts_are_the_same_however_many_rounds_there_were(sizes, handed_on):
    cursor = Cursor()
    for number, size in enumerate(sizes):
        if number == handed_on:
            cursor = Cursor(**cursor.to_json())
        cursor = cursor.after(size)
    assert (cursor.items, cursor.chunks) == (sum(sizes), len(sizes))
    assert cursor.last_chunk == (sizes[-1] if sizes else 0)
    assert cursor.smallest_chunk == min(sizes[:-1], default=0)


def test_an_express_child_is_given_no_more_attempts_than_it_has_time_for():
    """3 attempts of 60 s and a start of 10 s, 2 waits of 10 s, a recorder's 20 s and start, 30 s of refused calls."""
    assert longest_child_seconds(3, 60, 10) == 3 * 70 + 2 * 10 + 20 + 10 + 30 == 290
    refuse_long_children(3, 60, 10)
    with pytest.raises(InvalidRequest, match="maxAttempts: 5 of 60 s with 0 s between them may take 410 s"):
        refuse_long_children(5, 60, 0)
