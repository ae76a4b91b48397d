"""A clock for hooks: how long they take, without what they let through. Pure but for the clock."""

import threading
import time
from collections.abc import Callable
from typing import Any

# Where bench.cost.timed tells the seconds.
PATH = "/_bench/meter-seconds"


class HookClock:
    """CPU seconds that all threads together have spent in the hooks, without what these let through."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._local = threading.local()

    def hook(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` is the meter's: its time counts."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            let_through = self._frames()
            let_through.append(0.0)
            began = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                took = time.thread_time() - began - let_through.pop()
                with self._lock:
                    self.seconds += took

        return timed

    def let_through(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call` is what a hook carries out, and would be without it: its time does not count for that hook."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                self._frames()[-1] += time.thread_time() - began

        return timed

    def _frames(self) -> list[float]:
        """One for each hook that this thread is in: the seconds of what it let through."""
        if not hasattr(self._local, "frames"):
            self._local.frames = []
        frames: list[float] = self._local.frames
        return frames
