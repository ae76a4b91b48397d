"""Moves the sandbox's clock from one thing that is due to the next, and waits for what each of them starts."""

import logging
import mmap
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from sandbox.clock import wall
from sandbox.clock.stillness import RUNNING, still
from sandbox.clock.timers import TIMERS, Due

LOG = logging.getLogger(__name__)

HORIZON_SECONDS = 366 * 86_400
"""Later than this nothing is due: an execution lasts a year at most, and stock's state without a timeout three."""

PAST_SECONDS = 0.001
"""A jump ends this long after what is due, because some of stock's comparisons want it to be over."""

KEPT_JUMPS = 100
REST_SECONDS = 0.005

GRACE_SECONDS = 2.0
"""Real time that an advance leaves what runs at its begin to come to its end, such as a batch that is just started."""

LONG_SECONDS = 3600
"""What has happened is written down before jumps leave it further behind: CloudWatch Logs refuses it after 14 days."""


class Jump(NamedTuple):
    """One move of the clock, in seconds since 1970, and what was due at its end."""

    start: float
    end: float
    what: str


class Clock:
    """It is in memory that the functions' processes share, at the path `shared` (wall.py says what is there).

    `sources` tell what is due beside TIMERS. Before LONG_SECONDS are jumped over, `writers` are called and write down
    what has happened. After each jump `followers` are called with its seconds, and do what has become due.
    """

    def __init__(self) -> None:
        memory = os.memfd_create("rollcall-clock")
        os.truncate(memory, wall.SIZE)
        self.shared = f"/proc/{os.getpid()}/fd/{memory}"
        self._shared = memoryview(mmap.mmap(memory, wall.SIZE)).cast("q")
        wall.follow(self._shared)
        self.sources: list[Callable[[], Iterable[Due]]] = [TIMERS.due]
        self.writers: list[Callable[[], None]] = []
        self.followers: list[Callable[[float], None]] = []
        self.jumps: deque[Jump] = deque(maxlen=KEPT_JUMPS)
        self.until: float | None = None
        self._skip = False
        self.apart_from: frozenset[str] = frozenset()
        self._grace_ends = 0.0
        self._written_at = time.time()
        self._changed = threading.Condition()
        self._holds = 0

    def start(self) -> None:
        """Begin to follow orders."""
        self.followers.append(lambda _: TIMERS.wake())
        threading.Thread(target=self._run, name="clock", daemon=True).start()

    @property
    def offset_seconds(self) -> float:
        """How far the clock is ahead of real time; below zero, how far behind it a debugger has left it."""
        return (self._shared[0] + wall.running_time_ns() - wall.real_time_ns()) / 1e9

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the clock stand still meanwhile, and all timeouts of functions with it. Holds may overlap."""
        with self._changed:
            self._holds += 1
            if self._holds == 1:
                wall.hold(self._shared)
        try:
            yield
        finally:
            with self._changed:
                self._holds -= 1
                if not self._holds:
                    wall.go_on(self._shared)

    @property
    def stands_still(self) -> bool:
        """Whether a debugger holds it."""
        return self._holds > 0

    @property
    def skip(self) -> bool:
        """Whether the clock advances by itself to the next thing due whenever nothing runs."""
        return self._skip

    @skip.setter
    def skip(self, skip: bool) -> None:
        with self._changed:
            self._skip = skip
            self._changed.notify_all()

    def advance(self, seconds: float) -> bool:
        """Begin to advance, event by event; False if an advance is under way.

        It stops at each thing that is due until nothing runs. What still runs after GRACE_SECONDS goes on beside it,
        and so does everything of the same name.
        """
        with self._changed:
            if self.until is not None:
                return False
            self.until, self.apart_from = time.time() + seconds, frozenset()
            self._grace_ends = time.monotonic() + GRACE_SECONDS
            self._changed.notify_all()
            return True

    def stop(self) -> None:
        """End the advance where it is."""
        with self._changed:
            self.until = None

    def next_due(self) -> Due | None:
        """What is due first; None if nothing is within HORIZON_SECONDS."""
        dues = (due for source in self.sources for due in source())
        first = min(dues, default=None)
        return first if first and first.at < time.time() + HORIZON_SECONDS else None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._skip or self.until is not None)
            try:
                self._step()
            except Exception:  # of any source, writer or follower: without this thread the clock would stand for ever
                LOG.exception("the clock could not be moved")
            time.sleep(REST_SECONDS)

    def _step(self) -> None:
        """Jump to the next thing that is due, if nothing runs; or end the advance."""
        until = self.until
        if (until is None and not self._skip) or self._holds:
            return
        apart_from = frozenset() if until is None else self.apart_from
        due = self._next(until)
        quiet = still(apart_from)
        if quiet and due and due.at - self._written_at > LONG_SECONDS:
            for write in self.writers:
                write()
            self._written_at = time.time()
            quiet = still(apart_from)
        if not quiet:
            if self._grace_ends and time.monotonic() > self._grace_ends:
                self.apart_from, self._grace_ends = RUNNING.busy(), 0.0
            return
        before, due = due, self._next(until)
        if due != before:
            if not apart_from:
                return  # something has begun since the last look: what it has in hand is due no more
            due = due and before and min(due, before)  # neither what has begun nor what has just ended is passed over
        self._grace_ends = 0.0
        with self._changed:  # an order that has been answered holds for this jump
            if self.until != until or (until is None and not self._skip) or self._holds:
                return
            if due:
                self._jump(due)
            else:
                self.until = None

    def _next(self, until: float | None) -> Due | None:
        """What to jump to; None if there is nothing, or the time of an advance is over."""
        due = self.next_due()
        if until is None or (due and due.at < until):
            return due
        return Due(until, "the end of the advance") if time.time() < until else None

    def _jump(self, due: Due) -> None:
        start = time.time()
        seconds = due.at + PAST_SECONDS - start
        if seconds > 0:
            self._shared[0] += round(seconds * 1e9)
            self.jumps.append(Jump(start, due.at, due.what))
            # The engine's log shows nothing below a warning.
            LOG.warning("the clock jumps from %s to %s: %s", iso(start), iso(due.at), due.what)
        for follower in self.followers:
            follower(max(seconds, 0))


def iso(seconds: float) -> str:
    """A time as text, in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


CLOCK = Clock()
