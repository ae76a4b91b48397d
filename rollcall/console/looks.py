"""Looks at the engine or account: each is shared by all who view the same, and is not repeated too soon."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from rollcall.terminal.errors import EXPECTED, explained

# Looks at one thing take at most this share of the time: their calls compete with the batch's own.
SHARE = 0.2
# A slow machine's pages still move.
LONGEST_PAUSE_SECONDS = 10.0
# With --aws, each look that finds nothing new is followed by a longer pause, up to so many times the first one.
SLOWER, SLOWEST = 1.5, 8.0


@dataclass(frozen=True)
class Pace:
    """The seconds between two looks at the same, at the least; `backs_off`: longer while nothing changes."""

    seconds: float
    backs_off: bool = False


@dataclass
class Look:
    """What was seen last. `error` says why the latest look failed; `value` is then that of the one before."""

    value: Any = None
    seen_at: float | None = None
    error: str | None = None
    next_at: float = float("-inf")
    pause: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Looks:
    """Remembers looks by their key. May be used by many threads; `now` is a monotonic clock in seconds."""

    def __init__(self, pace: Pace, now: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace
        self.count = 0
        self._now = now
        self._looks: dict[Hashable, Look] = {}
        self._lock = threading.Lock()

    def at(self, key: Hashable, see: Callable[[], Any], slower: float = 1.0) -> Look:
        """The latest look of this key, which is made anew with `see` when its time has come.

        `slower`: so many times the usual pause. Who comes while it is made waits for it, if there is no older one.
        """
        with self._lock:
            look = self._looks.setdefault(key, Look())
        if look.seen_at is not None and self._now() < look.next_at:
            return look
        if look.lock.acquire(blocking=look.seen_at is None and look.error is None):
            try:
                if self._now() >= look.next_at:
                    self._make(look, see, slower)
            finally:
                look.lock.release()
        return look

    def has(self, key: Hashable) -> bool:
        """Whether a look of this key has been made."""
        look = self._looks.get(key)
        return look is not None and look.seen_at is not None

    def due_at_once(self) -> None:
        """Let every look be made anew when it is next asked for: something was done."""
        with self._lock:
            for look in self._looks.values():
                look.next_at = float("-inf")

    def _make(self, look: Look, see: Callable[[], Any], slower: float) -> None:
        began = self._now()
        self.count += 1
        before = look.value
        try:
            look.value, look.error = see(), None
            look.seen_at = self._now()
        except EXPECTED as error:
            look.error = explained(error)[0]
        shortest = self.pace.seconds * slower
        stays = self.pace.backs_off and look.value == before
        look.pause = min(look.pause * SLOWER, shortest * SLOWEST) if stays and look.pause else shortest
        rest = min((self._now() - began) / SHARE, LONGEST_PAUSE_SECONDS)
        look.next_at = self._now() + max(look.pause, rest)
