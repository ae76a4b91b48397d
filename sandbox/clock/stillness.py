"""What runs in the sandbox, and whether anything does.

What the sandbox itself starts is counted: invocations, pollers' batches, threads of executions. The rest are threads of
LocalStack's: one that does something is at another place of its code a moment later, and one that waits is not.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

LOOKS, LOOK_SECONDS = 3, 0.007


class Run:
    """Something that runs, by a name for people."""

    def __init__(self, name: str) -> None:
        self.name = name


class Running:
    """What runs at this moment, for use from every thread. `pending` name what is about to run."""

    def __init__(self) -> None:
        self._runs: set[Run] = set()
        self.pending: list[Callable[[], Iterable[str]]] = []

    def add(self, run: Run) -> None:
        """Count `run`, if it is not counted already."""
        self._runs.add(run)

    def remove(self, run: Run) -> None:
        """Count `run` no more."""
        self._runs.discard(run)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count something meanwhile."""
        run = Run(name)
        self.add(run)
        try:
            yield
        finally:
            self.remove(run)

    def names(self) -> Counter[str]:
        """How many of each name run."""
        return Counter(run.name for run in self._runs.copy())

    def busy(self) -> frozenset[str]:
        """The names of what runs or is about to."""
        return frozenset(self.names()).union(*(pending() for pending in self.pending))


RUNNING = Running()


def still(apart_from: frozenset[str] = frozenset()) -> bool:
    """Whether nothing runs or is about to, but for these names, and no thread of the engine moves for a moment.

    While something of these names runs, threads move for it.
    """
    before = None
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
        names = RUNNING.busy()
        if names - apart_from:
            return False
        places = None if names else _places()
        if look and before != places:
            return False
        before = places
    return True


def _places() -> dict[int, tuple[int, int]]:
    """Where every other thread is: the frame on top of its stack, and the instruction."""
    own = threading.get_ident()
    return {thread: (id(frame), frame.f_lasti) for thread, frame in sys._current_frames().items() if thread != own}
