"""What the Step Functions batcher hands from round to round, and how long a child may take."""

from hypothesis import given
from hypothesis import strategies as st

from handlers.sfn.chunk_file import Cursor
from handlers.sfn.express import begin_minutes, work_seconds


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


def test_an_express_child_begins_no_work_for_which_it_may_have_no_time():
    """15 s of refused calls, a start of 10 s, 60 s, and the recorder: 15 s refused, two of 30 s; 10 s to hand on."""
    assert work_seconds(60, 10) == 15 + 10 + 60 + (15 + 2 * 30) + 10 == 170
    assert begin_minutes(60, 10) == 2
    # A function whose answer was lost is waited for, as long as it may run.
    assert work_seconds(90, 10) == 15 + 10 + 90 + (10 + 90 + 2) + 10
    assert work_seconds(60, 145) == 15 + 10 + 60 + 145 + 10
    assert (begin_minutes(96, 10), begin_minutes(97, 10)) == (1, 0)
