"""Follows a batch to its end, with few polls: their calls compete with the batch's own."""

import time
from collections.abc import Callable, Sequence

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Progress, Result, completion_lag
from rollcall.batches.invocation_errors import ErrorLog, InvocationError
from rollcall.batches.subscription import Subscription

SHORTEST_PAUSE_SECONDS = 1
# Polls take at most this share of the time: counting the chunks of a large batch takes many calls.
POLL_SHARE = 0.1
LONGEST_PAUSE_SECONDS = 30.0
START_SECONDS = 60.0
# The functions' logs are read only for a batch that has made no progress for so long, and then so often: a batch that
# runs well costs no call of CloudWatch Logs, which takes 5 FilterLogEvents a second of a whole account.
STILL_SECONDS = 5.0
LOOK_SECONDS = 10.0

type Show = Callable[[Progress | None, Sequence[InvocationError]], None]
"""Shows the latest observation, None before the batch has a record, and the errors of invocations."""


class NotEnded(Problem):
    """A batch has not ended in the time that it was given. It goes on."""


class Patience:
    """Decides when to stop waiting for a batch. Times are seconds on a monotonic clock.

    `timeout` is how long a batch is waited for that makes progress; None for as long as it takes.
    """

    def __init__(self, batch: OneBatch, now: float, timeout: float | None = None) -> None:
        self._batch = batch
        self._began = now
        self._timeout = timeout
        self._over_since: float | None = None

    def pause(self, wanted: float, now: float) -> float:
        """The seconds to sleep of those that are wanted: not beyond the timeout."""
        left = wanted if self._timeout is None else self._began + self._timeout - now
        return max(0.0, min(wanted, left))

    def check(self, seen: Progress | Result | None, now: float, errors: Sequence[InvocationError] = ()) -> None:
        """`seen` is the latest observation; `errors` are those of invocations, which may tell the cause.

        Raises NotEnded after the timeout, Problem if the batch has had no record for a minute, or if its event is late.
        """
        if self._timeout is not None and now - self._began >= self._timeout:
            raise NotEnded(
                f"batch {self._batch.title} did not end within {self._timeout:g} s: {standing(seen)}{because(errors)}",
                f"see `rollcall explain {self._batch.batch_id}`",
            )
        if seen is None:
            if now - self._began > START_SECONDS:
                raise Problem(
                    f"batch {self._batch.title}: no batcher started it within {START_SECONDS:.0f} s{because(errors)}",
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
                f"batch {self._batch.title}: {over}, but no Batch Finished event came within {seconds:.0f} s"
                f"{because(errors)}",
                f"see `rollcall logs {self._batch.architecture}.finalizer`",
            )


def standing(seen: Progress | Result | None) -> str:
    """How far a batch is: `processing: 3 of 10 items done, 1 failed`."""
    if seen is None:
        return "it has no record yet"
    if isinstance(seen, Result):
        return f"its records say {seen.status}"
    total = "" if seen.items is None else f" of {seen.items:,}"
    return f"{seen.stage}: {seen.done:,}{total} items done, {seen.failed:,} failed"


def because(errors: Sequence[InvocationError]) -> str:
    """The errors, to be added to a sentence."""
    return "".join(f"; {error}" for error in errors)


class Watcher:
    """Looks for errors of invocations while a batch makes no progress or is in trouble.

    `began` is the time from which to look before the batch has a record, in milliseconds since 1970.
    """

    def __init__(self, log: ErrorLog, batch_id: str, began: int) -> None:
        self._log = log
        self._batch_id = batch_id
        self._since = began
        self._last: tuple[str, int] | None = None
        self._moved_at = float("-inf")
        self._next_look = float("-inf")
        self.errors: tuple[InvocationError, ...] = ()

    def look(self, seen: Progress | None, now: float) -> tuple[InvocationError, ...]:
        """The errors so far. `seen` is the latest observation, `now` is in seconds on a monotonic clock."""
        at = (seen.stage, seen.done) if seen else ("", 0)
        if seen and seen.started_at:
            self._since = seen.started_at
        if at != self._last:
            self._last, self._moved_at = at, now
        troubled = seen is not None and (seen.trouble is not None or seen.stage == "stalled")
        if (troubled or now - self._moved_at >= STILL_SECONDS) and now >= self._next_look:
            self.errors = self._log.look(self._batch_id, self._since)
            self._next_look = now + LOOK_SECONDS
        return self.errors


def until_event(
    batch: OneBatch, subscription: Subscription, show: Show, watcher: Watcher, timeout: float | None = None
) -> Result:
    """Show the batch's progress until its Batch Finished event arrives. Raises Problem if it does not arrive."""
    patience = Patience(batch, time.monotonic(), timeout)
    seen: Progress | Result | None = None
    next_poll = 0.0
    while True:
        if time.monotonic() >= next_poll:
            seen, next_poll = poll(batch)
            if not isinstance(seen, Result):
                show(seen, watcher.look(seen, time.monotonic()))
        arrival = subscription.wait(SHORTEST_PAUSE_SECONDS)
        if arrival:
            lag = completion_lag(arrival.arrived_at, batch.last_chunk_done_at())
            return Result.from_detail(arrival.detail, lag)
        patience.check(seen, time.monotonic(), watcher.errors)


def until_ended(batch: OneBatch, show: Show, watcher: Watcher, timeout: float | None = None) -> Result:
    """Show the batch's progress until its records say that it has ended. Raises Problem if it does not end."""
    patience = Patience(batch, time.monotonic(), timeout)
    while True:
        seen, next_poll = poll(batch)
        if isinstance(seen, Result):
            return seen
        show(seen, watcher.look(seen, time.monotonic()))
        patience.check(seen, time.monotonic(), watcher.errors)
        time.sleep(patience.pause(next_poll - time.monotonic(), time.monotonic()))


def poll(batch: OneBatch) -> tuple[Progress | Result | None, float]:
    """Observe the batch; also returns the time of the next poll on the monotonic clock."""
    before = time.monotonic()
    seen = batch.observe()
    after = time.monotonic()
    return seen, after + pause_after(after - before)


def pause_after(poll_seconds: float) -> float:
    """The seconds between a poll that took `poll_seconds` and the next one."""
    return min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, poll_seconds / POLL_SHARE))
