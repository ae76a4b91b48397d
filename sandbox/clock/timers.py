"""Waits that follow the sandbox's clock: each ends when its time has come, or the clock has been moved past it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Due(NamedTuple):
    """Something that happens at the wall-clock time `at`, in seconds since 1970."""

    at: float
    what: str


class Timers:
    """The waits of this moment. A jump of the clock wakes those that are due."""

    def __init__(self) -> None:
        self._waits: dict[object, tuple[Due, threading.Condition]] = {}

    def due(self) -> list[Due]:
        """When each wait ends."""
        return [due for due, _ in list(self._waits.values())]

    def wake(self) -> None:
        """End the waits that are due."""
        for due, condition in list(self._waits.values()):
            if due.at <= time.time():
                with condition:
                    condition.notify_all()

    @contextmanager
    def waiting(self, due: Due, condition: threading.Condition) -> Iterator[None]:
        """Count a wait for `condition`."""
        key = object()
        self._waits[key] = due, condition
        try:
            yield
        finally:
            del self._waits[key]


TIMERS = Timers()


def wait_for(condition: threading.Condition, predicate: Callable[[], Any], timeout: float, what: str) -> Any:
    """Wait until `predicate()` is true or `timeout` seconds of the clock are over; return its last value.

    Like `condition.wait_for`: the caller holds the condition's lock. `what` says what happens at the timeout.
    """
    end = time.time() + timeout
    with TIMERS.waiting(Due(end, what), condition):
        while not (result := predicate()) and (left := end - time.time()) > 0:
            condition.wait(min(left, threading.TIMEOUT_MAX))
    return result


class Event(threading.Event):
    """An event whose timeouts follow the clock."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def wait(self, timeout: float | None = None) -> bool:
        """As `threading.Event.wait`."""
        if timeout is None:
            return super().wait()
        with self._cond:  # type: ignore[attr-defined]
            return wait_for(self._cond, self.is_set, timeout, self._what)  # type: ignore[attr-defined]


class Thread(threading.Thread):
    """A thread for whose end others may wait by the clock."""

    what = "the end of a thread"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._over = Event(self.what)

    def run(self) -> None:
        """As `threading.Thread.run`."""
        try:
            super().run()
        finally:
            self._over.set()

    def join(self, timeout: float | None = None) -> None:
        """As `threading.Thread.join`."""
        if self._over.wait(timeout):
            super().join()


def sleep(seconds: float, what: str) -> None:
    """Wait for so many seconds of the clock."""
    Event(what).wait(seconds)
