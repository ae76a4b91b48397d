"""Waits that follow the sandbox's clock: each ends when its time has come, or the clock has been moved past it.

A `Thread` of this module counts as running, but not while it waits for an `Event`. What ends its wait counts it again
at once: there is no moment between the two in which nothing seems to run.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sandbox.clock.stillness import RUNNING, Run


class Due(NamedTuple):
    """Something that happens at the wall-clock time `at`, in seconds since 1970."""

    at: float
    what: str


class _Wait(NamedTuple):
    due: Due
    condition: threading.Condition
    run: Run | None


class Timers:
    """The waits of this moment. A jump of the clock wakes those that are due."""

    def __init__(self) -> None:
        self._waits: dict[object, _Wait] = {}

    def due(self) -> list[Due]:
        """When each wait ends."""
        return [wait.due for wait in list(self._waits.values())]

    def wake(self) -> None:
        """End the waits that are due."""
        for key, wait in list(self._waits.items()):
            if wait.due.at <= time.time():
                with wait.condition:
                    if wait.run and key in self._waits:  # else it has just ended, and may run no more
                        RUNNING.add(wait.run)
                    wait.condition.notify_all()

    @contextmanager
    def waiting(self, wait: _Wait) -> Iterator[None]:
        """Count a wait."""
        key = object()
        self._waits[key] = wait
        try:
            yield
        finally:
            del self._waits[key]


TIMERS = Timers()
_this_thread = threading.local()


def wait_for(
    condition: threading.Condition, predicate: Callable[[], Any], timeout: float, what: str, run: Run | None
) -> Any:
    """Wait until `predicate()` is true or `timeout` seconds of the clock are over; return its last value.

    Like `condition.wait_for`: the caller holds the condition's lock. `what` says what happens at the timeout. Until
    then `run` does not count as running; if something else ends the wait, the caller counts it again.
    """
    end = time.time() + timeout
    with TIMERS.waiting(_Wait(Due(end, what), condition, run)):
        if run and not predicate():
            RUNNING.remove(run)
        while not (result := predicate()) and (left := end - time.time()) > 0:
            condition.wait(min(left, threading.TIMEOUT_MAX))
    return result


def _this_run() -> Run | None:
    """This thread as something that runs; None if it does not count."""
    return getattr(_this_thread, "run", None)


class Event(threading.Event):
    """An event whose timeouts follow the clock; `what` says what happens then."""

    def __init__(self, what: str = "") -> None:
        super().__init__()
        self._what = what
        self._paused: set[Run] = set()
        self._sets = 0

    def set(self) -> None:
        """As `threading.Event.set`."""
        with self._cond:  # type: ignore[attr-defined]
            self._sets += 1
            for run in self._paused:
                RUNNING.add(run)
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        """As `threading.Event.wait`."""
        if timeout is None:
            return self.poll(None)
        if not timeout:
            return self.is_set()
        with self._pause() as (condition, was_set, run):
            return wait_for(condition, was_set, timeout, self._what, run)

    @property
    def sets(self) -> int:
        """How often it has been set."""
        return self._sets

    def poll(self, seconds: float | None, since: int | None = None) -> bool:
        """Wait by real time, for one who looks again and again; None waits for ever.

        `since` is what `sets` was before the last look: one that came during that look ends the wait.
        """
        with self._pause(since) as (condition, was_set, run):
            if run and not was_set():
                RUNNING.remove(run)
            return condition.wait_for(was_set, seconds)

    @contextmanager
    def _pause(self, since: int | None = None) -> Iterator[tuple[threading.Condition, Callable[[], bool], Run | None]]:
        """This thread's run counts as running until the caller says not. A set event may be cleared at once."""
        run = _this_run()
        with self._cond:  # type: ignore[attr-defined]
            sets = self._sets if since is None else since
            if run:
                self._paused.add(run)
            try:
                yield self._cond, lambda: self.is_set() or self._sets > sets, run  # type: ignore[attr-defined]
            finally:
                if run:
                    self._paused.discard(run)
                    RUNNING.add(run)


class Thread(threading.Thread):
    """A thread that counts as running, as `counts_as`. A wait for its end by the clock ends when `what` happens."""

    counts_as, what = "thread", ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._run = Run(self.counts_as)
        self._over = Event(self.what)

    def start(self) -> None:
        """As `threading.Thread.start`."""
        RUNNING.add(self._run)
        super().start()

    def run(self) -> None:
        """As `threading.Thread.run`."""
        _this_thread.run = self._run
        try:
            super().run()
        finally:
            self._over.set()
            RUNNING.remove(self._run)

    def join(self, timeout: float | None = None) -> None:
        """As `threading.Thread.join`."""
        if self._over.wait(timeout):
            super().join()


def sleep(seconds: float, what: str) -> None:
    """Wait for so many seconds of the clock."""
    Event(what).wait(seconds)
