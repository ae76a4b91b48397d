"""Following a batch to its end, gently: the calls of whoever looks on are the batch's competitors."""

import time

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Progress, Result, completion_lag
from rollcall.batches.subscription import Subscription
from rollcall.views.progress import Display

BEAT_SECONDS = 1
# A look takes at most this share of the time; counting the chunks of a large batch is many calls.
LOOK_SHARE = 0.1
LOOK_AT_LEAST_EVERY_SECONDS = 30.0
START_SECONDS = 60.0
EVENT_SECONDS = 60.0


class Patience:
    """Knows when waiting for a batch has become pointless. Times in seconds on a clock that only goes forward."""

    def __init__(self, architecture: str, title: str, now: float) -> None:
        self._architecture = architecture
        self._title = title
        self._began = now
        self._over_since: float | None = None

    def check(self, seen: Progress | Result | None, now: float) -> None:
        """`seen` is the latest observation. Raises Problem a minute after the batch should have gone on."""
        if seen is None:
            if now - self._began > START_SECONDS:
                raise Problem(
                    f"batch {self._title}: no batcher took it up within {START_SECONDS:.0f} s",
                    f"see `rollcall logs {self._architecture}.batcher`",
                )
            return
        over = f"it {seen.status}" if isinstance(seen, Result) else seen.trouble
        if not over:
            self._over_since = None
            return
        if self._over_since is None:
            self._over_since = now
        if now - self._over_since > EVENT_SECONDS:
            raise Problem(
                f"batch {self._title}: {over}, but no Batch Finished event came within {EVENT_SECONDS:.0f} s",
                f"see `rollcall logs {self._architecture}.finalizer`",
            )


def until_event(batch: OneBatch, subscription: Subscription, display: Display) -> Result:
    """Show the batch's progress until its Batch Finished event arrives. Raises Problem if that is in vain."""
    patience = Patience(batch.architecture, batch.title, time.monotonic())
    seen: Progress | Result | None = None
    look_at = 0.0
    while True:
        if time.monotonic() >= look_at:
            seen, look_at = look(batch)
            if not isinstance(seen, Result):
                display.show(seen)
        arrival = subscription.wait(BEAT_SECONDS)
        if arrival:
            lag = completion_lag(arrival.arrived_at, batch.last_chunk_done_at())
            return Result.from_detail(arrival.detail, lag)
        patience.check(seen, time.monotonic())


def until_ended(batch: OneBatch, display: Display) -> Result:
    """Show the batch's progress until its records say that it has ended. Raises Problem if that is in vain."""
    patience = Patience(batch.architecture, batch.title, time.monotonic())
    while True:
        seen, look_at = look(batch)
        if isinstance(seen, Result):
            return seen
        display.show(seen)
        patience.check(seen, time.monotonic())
        time.sleep(max(0.0, look_at - time.monotonic()))


def look(batch: OneBatch) -> tuple[Progress | Result | None, float]:
    """Observe the batch; also returns when to look again, on the monotonic clock."""
    before = time.monotonic()
    seen = batch.observe()
    after = time.monotonic()
    return seen, after + pause_after(after - before)


def pause_after(look_seconds: float) -> float:
    """How long to leave the batch alone after a look that took so long."""
    return min(LOOK_AT_LEAST_EVERY_SECONDS, max(BEAT_SECONDS, look_seconds / LOOK_SHARE))
