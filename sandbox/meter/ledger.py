"""Sums of AWS's billing units, by batch, stack, function and caller."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

MAX_BATCHES = 1000
"""Batches with sums of their own; units of older batches move to the sums of no batch."""


class Consumer(NamedTuple):
    """The user of billed units. `function` is its logical id in `stack`, or its name if it belongs to no stack.

    `by` is `function`, `poller`, `states` or `events`, or `client` for all others.
    """

    stack: str | None
    function: str | None
    by: str


class Unit(NamedTuple):
    """A `quantity` of a billing unit, used by `calls` calls of `operation`."""

    unit: str
    operation: str
    quantity: float
    calls: int = 1


type Batches = tuple[str, ...]
type _Key = tuple[Consumer, str, str]


class Ledger:
    """Sums of units. Every method may be called from any thread, and takes microseconds."""

    def __init__(self, max_batches: int = MAX_BATCHES) -> None:
        self._lock = threading.Lock()
        self._max_batches = max_batches
        self._start()

    def _start(self) -> None:
        self.since = datetime.now(UTC)
        self._unassigned: dict[_Key, list[float]] = {}
        self._batches: OrderedDict[str, dict[_Key, list[float]]] = OrderedDict()

    def add(self, batches: Batches, consumer: Consumer, units: Iterable[Unit]) -> None:
        """Count units for `batches`, in equal parts; for no batch if there are none.

        Only the quantity is divided: calls count for the first batch.
        """
        with self._lock:
            if not batches:
                _add(self._unassigned, consumer, units, 1, True)
            for number, batch in enumerate(batches):
                rows = self._batches.get(batch)
                if rows is None:
                    rows = self._batches[batch] = {}
                else:
                    self._batches.move_to_end(batch)
                _add(rows, consumer, units, len(batches), number == 0)
            while len(self._batches) > self._max_batches:
                self._fold(self._batches.popitem(last=False)[1])

    def reset(self) -> None:
        """Set all sums to zero, as of now."""
        with self._lock:
            self._start()

    def rows(self, batch: str | None = None) -> list[dict[str, Any]]:
        """One row for each batch, caller, unit and operation; with `batch` the rows of that batch only."""
        with self._lock:
            tables: list[tuple[str | None, dict[_Key, list[float]]]] = [*self._batches.items()]
            if batch is None:
                tables.append((None, self._unassigned))
            found = [
                (name, *consumer, unit, operation, quantity, calls)
                for name, rows in tables
                if batch in (None, name)
                for (consumer, unit, operation), (quantity, calls) in rows.items()
            ]
        columns = ("batch", "stack", "function", "by", "unit", "operation", "quantity", "calls")
        return [dict(zip(columns, row, strict=True)) for row in sorted(found, key=_order)]

    def _fold(self, rows: dict[_Key, list[float]]) -> None:
        for (consumer, unit, operation), (quantity, calls) in rows.items():
            _add(self._unassigned, consumer, [Unit(unit, operation, quantity, int(calls))], 1, True)


def _add(
    rows: dict[_Key, list[float]], consumer: Consumer, units: Iterable[Unit], parts: int, with_calls: bool
) -> None:
    for unit, operation, quantity, calls in units:
        total = rows.get((consumer, unit, operation))
        if total is None:
            total = rows[consumer, unit, operation] = [0, 0]
        total[0] += quantity / parts if parts > 1 else quantity
        if with_calls:
            total[1] += calls


def _order(row: tuple[Any, ...]) -> list[str]:
    return [str(column or "") for column in row[:6]]


LEDGER = Ledger()
"""The engine's one ledger."""
