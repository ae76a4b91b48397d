"""Follows a batch to its end, with few polls: their calls compete with the batch's own."""

import time

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Progress, Result, completion_lag
from rollcall.batches.subscription import Subscription
from rollcall.views.progress import Display

SHORTEST_PAUSE_SECONDS = 1
# Polls take at most this share of the time: counting the chunks of a large batch takes many calls.
POLL_SHARE = 0.1
LONGEST_PAUSE_SECONDS = 30.0
START_SECONDS = 60.0


class Patience:
    """Decides when to stop waiting for a batch. Times are seconds on a monotonic clock."""

    def __init__(self, batch: OneBatch, now: float) -> None:
        self._batch = batch
        self._began = now
        self._over_since: float | None = None

    def check(self, seen: Progress | Result | None, now: float) -> None:
        """`seen` is the latest observation.

        Raises Problem if the batch has had no record for a minute, or if its event is late.
        """
        if seen is None:
            if now - self._began > START_SECONDS:
                raise Problem(
                    f"batch {self._batch.title}: no batcher started it within {START_SECONDS:.0f} s",
                    f"see `rollcall logs {self._batch.architecture}.batcher`",
                )
            return
        over = f"it ended {seen.status}" if isinstance(seen, Result) else seen.trouble
        if not over:
            self._over_since = None
            return
        if self._over_since is None:
            self._over_since = now
        seconds = self._batch.batches.event_seconds
        if now - self._over_since > seconds:
            raise Problem(
                f"batch {self._batch.title}: {over}, but no Batch Finished event came within {seconds:.0f} s",
                f"see `rollcall logs {self._batch.architecture}.finalizer`",
            )


def until_event(batch: OneBatch, subscription: Subscription, display: Display) -> Result:
    """Show the batch's progress until its Batch Finished event arrives. Raises Problem if it does not arrive."""
    patience = Patience(batch, time.monotonic())
    seen: Progress | Result | None = None
    next_poll = 0.0
    while True:
        if time.monotonic() >= next_poll:
            seen, next_poll = poll(batch)
            if not isinstance(seen, Result):
                display.show(seen)
        arrival = subscription.wait(SHORTEST_PAUSE_SECONDS)
        if arrival:
            lag = completion_lag(arrival.arrived_at, batch.last_chunk_done_at())
            return Result.from_detail(arrival.detail, lag)
        patience.check(seen, time.monotonic())


def until_ended(batch: OneBatch, display: Display) -> Result:
    """Show the batch's progress until its records say that it has ended. Raises Problem if it does not end."""
    patience = Patience(batch, time.monotonic())
    while True:
        seen, next_poll = poll(batch)
        if isinstance(seen, Result):
            return seen
        display.show(seen)
        patience.check(seen, time.monotonic())
        time.sleep(max(0.0, next_poll - time.monotonic()))


def poll(batch: OneBatch) -> tuple[Progress | Result | None, float]:
    """Observe the batch; also returns the time of the next poll on the monotonic clock."""
    before = time.monotonic()
    seen = batch.observe()
    after = time.monotonic()
    return seen, after + pause_after(after - before)


def pause_after(poll_seconds: float) -> float:
    """The seconds between a poll that took `poll_seconds` and the next one."""
    return min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, poll_seconds / POLL_SHARE))
