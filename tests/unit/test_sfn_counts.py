"""What the Step Functions finalizer may say of a batch that ended early."""

import pytest

from handlers.sfn.counting import settled_at_least
from handlers.sfn.objects import Made


@pytest.mark.parametrize(
    ("chunks", "settled"), [(0, 0), (1, 5), (2, 15), (3, 25)]
)  # whichever chunks they were, no item that remains counts as done
def test_an_item_that_remains_is_never_counted_as_done(chunks, settled):
    made = Made("b", 1, 0, items=25, chunks=3, smallest_chunk=10, last_chunk=5, tolerated_failure_percentage=0)
    assert settled_at_least(made, chunks) == settled


def test_of_a_batch_that_was_never_made_nothing_is_done():
    made = Made("b", 1, 0, items=25, chunks=0, smallest_chunk=0, last_chunk=0, tolerated_failure_percentage=0)
    assert settled_at_least(made, 0) == 0
