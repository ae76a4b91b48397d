"""How many batches a mapping runs at the moment, across updates of the mapping."""

import threading
from collections.abc import Callable
from typing import Any


class Slots:
    """Counts the batches of one event source mapping from their receive to their delete.

    Every update of a mapping makes a new worker while the old one's batches may still run. Both share one `Slots`, so
    that the limit holds for the mapping and not for each worker. `owner` is the mapping's latest worker: the only one
    that may say what state the mapping is in.
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
        """One batch less."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Let every waiter look again at why it might stop waiting."""
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
