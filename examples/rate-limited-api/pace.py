"""Keeps the threads of a process to so many requests a second."""

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets one caller pass after another, 1 / `per_second` apart."""

    def __init__(
        self,
        per_second: float,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._gap = 1 / per_second
        self._now, self._sleep = now, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is this caller's turn."""
        with self._lock:
            turn = max(self._next, self._now())
            self._next = turn + self._gap
        self._sleep(max(0.0, turn - self._now()))
