"""Nothing of a batch that has ended is processed, whoever calls the processor."""

import pytest

from handlers.core.clock import Clock
from handlers.sfn.fence import OPEN_MS, BatchEnded, Fence
from tests.unit.sfn_world import BUCKET, S3, Time, objects


class At(Clock):
    """A clock that is set."""

    def __init__(self, now: int):
        self.time = now
        super().__init__(Time())

    def now(self) -> int:
        return self.time


def test_an_ended_batch_is_refused_and_a_look_that_found_it_open_holds_for_five_seconds():
    s3 = S3()
    fence = Fence(s3, BUCKET)
    fence.pass_open("b", 1, At(1_000))
    objects(s3).put_stopped()
    fence.pass_open("b", 1, At(1_000 + OPEN_MS - 1))
    with pytest.raises(BatchEnded, match="rollcall redrive"):
        fence.pass_open("b", 1, At(1_000 + OPEN_MS))


def test_a_look_at_one_generation_says_nothing_of_another():
    s3 = S3()
    objects(s3).put_stopped()
    fence = Fence(s3, BUCKET)
    fence.pass_open("b", 2, At(1_000))
    with pytest.raises(BatchEnded):
        fence.pass_open("b", 1, At(1_000))
