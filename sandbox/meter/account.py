"""What one invocation or execution uses, kept until it is known for which batches."""

import threading
from collections.abc import Iterable

from sandbox.meter.ledger import LEDGER, Batches, Ledger, Unit, Who


class Account:
    """Units of one invocation, execution or child, made by several threads.

    They wait here until `name` tells whose they are, or `close` that nobody will. What comes after that goes straight
    to the ledger: calls of a process that outlives its invocation count for that invocation.
    """

    def __init__(self, stack: str | None, function: str | None, batches: Batches = (), ledger: Ledger = LEDGER) -> None:
        self.batches = batches
        self.stack, self._function = stack, function
        self._ledger = ledger
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: list[tuple[Who, tuple[Unit, ...]]] = []
        self._since = ledger.since

    @property
    def unnamed(self) -> bool:
        """Whether it still has to be found out for which batches this is."""
        return not self.batches and not self._closed

    def add(self, by: str, units: Iterable[Unit]) -> None:
        """Count units that `by` used."""
        who = Who(self.stack, self._function, by)
        with self._lock:
            if self.unnamed:
                if self._since is not self._ledger.since:  # the meter was reset meanwhile
                    self._waiting, self._since = [], self._ledger.since
                self._waiting.append((who, tuple(units)))
                return
        self._ledger.add(self.batches, who, units)

    def name(self, batches: Batches) -> None:
        """Everything so far and from now on is for these batches, unless it was named before, or they are none."""
        with self._lock:
            if batches and self.unnamed:
                self.batches = batches
                self._flush()

    def close(self) -> None:
        """It has ended: what is still nobody's stays so."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._since is self._ledger.since:
            for who, units in waiting:
                self._ledger.add(self.batches, who, units)
