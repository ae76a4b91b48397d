"""What each item of a run does, in memory that the function's process and your code's process share.

Writing it takes no system call, so an item that returns at once costs almost nothing.
"""

import mmap
import time

from handlers.core.batch import LIMITS

# A chunk has no more items.
PLACES = int(LIMITS["itemsPerChunk"][2])
# The states of a place, an item's number in the run.
WAITING, UNDER_WAY, DONE, TOLD = range(4)
"""TOLD: how it ended stands in the pipe, which was written first."""


class Board:
    """A state and a beginning for each place, and a sign that no more items are to be begun."""

    def __init__(self) -> None:
        shared = memoryview(mmap.mmap(-1, 8 * (PLACES + 1) + PLACES))
        self._stop = shared[:8].cast("q")
        self._began = shared[8 : 8 * (PLACES + 1)].cast("q")
        self._states = shared[8 * (PLACES + 1) :]
        self._count = 0

    def clear(self, count: int) -> None:
        """Prepare a run of so many items."""
        self._count = count
        self._stop[0] = 0
        self._states[:count] = bytes(count)

    def began(self, place: int) -> None:
        self._began[place] = time.monotonic_ns()
        self._states[place] = UNDER_WAY

    def ended(self, place: int, state: int) -> None:
        self._states[place] = state

    def stop(self) -> None:
        """Begin no more items."""
        self._stop[0] = 1

    @property
    def stopped(self) -> bool:
        return bool(self._stop[0])

    def state(self, place: int) -> int:
        return self._states[place]

    def began_at(self, place: int) -> int:
        """When the item began, in nanoseconds of the monotonic clock, which both processes share."""
        return self._began[place]

    def under_way(self) -> list[int]:
        """The places of the items that have begun and not ended."""
        states, found = bytes(self._states[: self._count]), []
        place = states.find(UNDER_WAY)
        while place >= 0:
            found.append(place)
            place = states.find(UNDER_WAY, place + 1)
        return found
