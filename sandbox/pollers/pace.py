"""Limits how fast a mapping works: the batches that run at once, and a pause after failures."""

import threading
from collections.abc import Callable
from typing import Any

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 15.0


class Backoff:
    """A pause that grows with each failure in a row: `seconds` is 0 after a success, then 0.5, 1, 2 ... up to 15."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def failed(self) -> None:
        self.seconds = min(max(2 * self.seconds, _FIRST_SECONDS), _LONGEST_SECONDS)

    def succeeded(self) -> None:
        self.seconds = 0.0


class Slots:
    """Counts the batches of one event source mapping from their receive to their delete.

    Every update of a mapping makes a new worker while batches of the old one may still run. Both share one `Slots`, so
    the limit holds for the mapping and not for each worker. `owner` is the mapping's latest worker, and only that one
    sets the mapping's state.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = 0
        self.owner: Any = None

    def take(self, limit: int, stopped: threading.Event) -> bool:
        """Wait until fewer than `limit` batches run, then count one more. False: `stopped` was set first."""
        with self._changed:
            self._changed.wait_for(lambda: stopped.is_set() or self._taken < limit)
            if stopped.is_set():
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        """Count one batch less."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Make every waiter check again whether it may stop waiting."""
        with self._changed:
            self._changed.notify_all()

    def hand_over(self, owner: object) -> None:
        """Make `owner` the mapping's latest worker."""
        with self._changed:
            self.owner = owner
            self._changed.notify_all()

    def wait_until_drained(self, gave_up: Callable[[], bool]) -> None:
        """Wait until no batch runs, or `gave_up()` is true when `wake` or `hand_over` is called."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken == 0 or gave_up())
