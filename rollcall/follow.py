"""Following a batch to its end, gently: the calls of whoever looks on are the batch's competitors."""

import time

from rollcall.batches import Batches, Progress, Result, completion_lag
from rollcall.completion import Subscription
from rollcall.errors import Problem
from rollcall.progress import Display

BEAT_SECONDS = 1
# A look takes at most this share of the time; counting the chunks of a large batch is many calls.
LOOK_SHARE = 0.1
LOOK_AT_LEAST_EVERY_SECONDS = 30.0
START_SECONDS = 60.0
EVENT_SECONDS = 60.0


def until_event(batches: Batches, batch_id: str, subscription: Subscription, display: Display) -> Result:
    """Show the batch's progress until its Batch Finished event arrives.

    Raises Problem if the batch does not start within a minute, or if the event is not there a minute after the end.
    """
    look_at, began, ended_at, ended_how = 0.0, time.monotonic(), None, ""
    while True:
        if time.monotonic() >= look_at:
            seen, look_at = look(batches, batch_id)
            if isinstance(seen, Result):
                ended_at, ended_how = ended_at or time.monotonic(), f"ended {seen.status}"
            else:
                display.show(seen)
                refuse_late_start(batches, batch_id, seen, began)
                if seen and seen.trouble:
                    ended_at, ended_how = ended_at or time.monotonic(), seen.trouble
        arrival = subscription.wait(BEAT_SECONDS)
        if arrival:
            return Result.from_detail(
                arrival.detail, completion_lag(arrival.arrived_at, batches.last_chunk_done_at(batch_id))
            )
        if ended_at and time.monotonic() - ended_at > EVENT_SECONDS:
            raise Problem(
                f"batch {batch_id}: {ended_how}, but no Batch Finished event came within {EVENT_SECONDS:.0f} s",
                f"see `rollcall logs {batches.architecture}.finalizer`",
            )


def until_ended(batches: Batches, batch_id: str, display: Display) -> Result:
    """Show the batch's progress until its records say that it has ended."""
    began, in_trouble_at = time.monotonic(), None
    while True:
        seen, look_at = look(batches, batch_id)
        if isinstance(seen, Result):
            return seen
        display.show(seen)
        refuse_late_start(batches, batch_id, seen, began)
        if seen and seen.trouble:
            in_trouble_at = in_trouble_at or time.monotonic()
            if time.monotonic() - in_trouble_at > EVENT_SECONDS:
                raise Problem(
                    f"batch {batch_id}: {seen.trouble}, and nobody has ended it within {EVENT_SECONDS:.0f} s",
                    f"see `rollcall logs {batches.architecture}.finalizer`",
                )
        time.sleep(max(0.0, look_at - time.monotonic()))


def look(batches: Batches, batch_id: str) -> tuple[Progress | Result | None, float]:
    """Observe the batch; also returns when to look again, on the monotonic clock."""
    before = time.monotonic()
    seen = batches.observe(batch_id)
    after = time.monotonic()
    return seen, after + min(LOOK_AT_LEAST_EVERY_SECONDS, max(BEAT_SECONDS, (after - before) / LOOK_SHARE))


def refuse_late_start(batches: Batches, batch_id: str, seen: Progress | None, began: float) -> None:
    """Raise Problem if there is still no trace of the batch."""
    if seen is None and time.monotonic() - began > START_SECONDS:
        raise Problem(
            f"batch {batch_id}: no batcher took it up within {START_SECONDS:.0f} s",
            f"see `rollcall logs {batches.architecture}.batcher`",
        )
