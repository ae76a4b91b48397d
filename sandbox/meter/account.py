"""Buffers the units of one invocation or execution until it is known which batches they belong to."""

import threading
from collections.abc import Iterable

from sandbox.meter.ledger import LEDGER, Batches, Consumer, Ledger, Unit


class Account:
    """Units of one invocation, execution or child, counted by several threads.

    The account buffers units until `name()` assigns them to batches, or `close()` leaves them unassigned. Units that
    come later go straight to the ledger: a process that outlives its invocation makes calls for that invocation.
    """

    def __init__(self, stack: str | None, function: str | None, batches: Batches = (), ledger: Ledger = LEDGER) -> None:
        self.batches = batches
        self.stack, self._function = stack, function
        self._ledger = ledger
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: list[tuple[Consumer, tuple[Unit, ...]]] = []
        self._since = ledger.since

    @property
    def unnamed(self) -> bool:
        """Whether the batches are unknown and may still become known."""
        return not self.batches and not self._closed

    def add(self, by: str, units: Iterable[Unit]) -> None:
        """Count units that `by` used."""
        consumer = Consumer(self.stack, self._function, by)
        with self._lock:
            if self.unnamed:
                if self._since is not self._ledger.since:  # the meter was reset meanwhile
                    self._waiting, self._since = [], self._ledger.since
                self._waiting.append((consumer, tuple(units)))
                return
        self._ledger.add(self.batches, consumer, units)

    def name(self, batches: Batches) -> None:
        """Assign all units, buffered and future, to `batches`; no effect if they are none or the account has some."""
        with self._lock:
            if batches and self.unnamed:
                self.batches = batches
                self._flush()

    def close(self) -> None:
        """End the invocation or execution: buffered units belong to no batch."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if self._since is self._ledger.since:
            for consumer, units in waiting:
                self._ledger.add(self.batches, consumer, units)
