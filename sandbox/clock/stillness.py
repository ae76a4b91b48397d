"""Whether anything runs in the sandbox: invocations and pollers' batches, which are counted, and the engine's threads.

A thread that does something is at another place of its code a moment later; one that waits is not. Nothing has to be
said about each of LocalStack's threads then.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

LOOKS, LOOK_SECONDS = 4, 0.01


class Running:
    """What runs at this moment, for use from every thread."""

    def __init__(self) -> None:
        self._names: dict[object, str] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count something that runs, by a name for people."""
        key = object()
        self._names[key] = name
        try:
            yield
        finally:
            del self._names[key]

    def now(self) -> frozenset[object]:
        """A key for each thing that runs."""
        return frozenset(self._names)

    def names(self) -> list[str]:
        """The names, each with how many of it run."""
        counts = Counter(list(self._names.values()))
        return [f"{count} x {name}" if count > 1 else name for name, count in sorted(counts.items())]


RUNNING = Running()


def still(apart_from: Collection[object] = ()) -> bool:
    """Whether nothing runs, but for these keys of RUNNING, and no thread of the engine moves for a moment."""
    before = None
    for look in range(LOOKS):
        if look:
            time.sleep(LOOK_SECONDS)
        if not RUNNING.now() <= frozenset(apart_from):
            return False
        places = _places()
        if before not in (None, places):
            return False
        before = places
    return True


def _places() -> dict[int, tuple[int, int]]:
    """Where every other thread is: the frame on top of its stack, and the instruction."""
    own = threading.get_ident()
    return {thread: (id(frame), frame.f_lasti) for thread, frame in sys._current_frames().items() if thread != own}
