"""What was used so far: quantities of AWS's billing units, apart by batch, stack, function and caller."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

MOST_BATCHES = 1000
"""Batches kept apart; what the others used counts as no batch's."""


class Who(NamedTuple):
    """Who caused it. `function` is the logical id in `stack`, or the function's name where it belongs to no stack.

    `by`: `function`, `poller`, `states`, `events`, or `client` for everybody outside.
    """

    stack: str | None
    function: str | None
    by: str


class Unit(NamedTuple):
    """So much of a billing unit, used by `calls` calls of `operation`."""

    unit: str
    operation: str
    quantity: float
    calls: int = 1


type Batches = tuple[str, ...]
type _Key = tuple[Who, str, str]


class Ledger:
    """Sums of units. Every method may be called from any thread, and takes microseconds."""

    def __init__(self, most_batches: int = MOST_BATCHES) -> None:
        self._lock = threading.Lock()
        self._most_batches = most_batches
        self._start()

    def _start(self) -> None:
        self.since = datetime.now(UTC)
        self._nobodys: dict[_Key, list[float]] = {}
        self._batches: OrderedDict[str, dict[_Key, list[float]]] = OrderedDict()

    def add(self, batches: Batches, who: Who, units: Iterable[Unit]) -> None:
        """Count units for `batches`, in equal parts; for no batch if there is none.

        A call is one thing and is counted for the first of them, its quantity for all.
        """
        with self._lock:
            if not batches:
                _add(self._nobodys, who, units, 1, True)
            for number, batch in enumerate(batches):
                rows = self._batches.get(batch)
                if rows is None:
                    rows = self._batches[batch] = {}
                else:
                    self._batches.move_to_end(batch)
                _add(rows, who, units, len(batches), number == 0)
            while len(self._batches) > self._most_batches:
                self._fold(self._batches.popitem(last=False)[1])

    def reset(self) -> None:
        """Forget everything: the sums begin at zero, now."""
        with self._lock:
            self._start()

    def rows(self, batch: str | None = None) -> list[dict[str, Any]]:
        """One row for each batch, caller, unit and operation; those of one batch only where it is named."""
        with self._lock:
            tables: list[tuple[str | None, dict[_Key, list[float]]]] = [*self._batches.items()]
            if batch is None:
                tables.append((None, self._nobodys))
            found = [
                (name, *who, unit, operation, quantity, calls)
                for name, rows in tables
                if batch in (None, name)
                for (who, unit, operation), (quantity, calls) in rows.items()
            ]
        columns = ("batch", "stack", "function", "by", "unit", "operation", "quantity", "calls")
        return [dict(zip(columns, row, strict=True)) for row in sorted(found, key=_order)]

    def _fold(self, rows: dict[_Key, list[float]]) -> None:
        for key, (quantity, calls) in rows.items():
            total = self._nobodys.setdefault(key, [0, 0])
            total[0] += quantity
            total[1] += calls


def _add(rows: dict[_Key, list[float]], who: Who, units: Iterable[Unit], parts: int, with_calls: bool) -> None:
    for unit, operation, quantity, calls in units:
        total = rows.get((who, unit, operation))
        if total is None:
            total = rows[who, unit, operation] = [0, 0]
        total[0] += quantity / parts if parts > 1 else quantity
        if with_calls:
            total[1] += calls


def _order(row: tuple[Any, ...]) -> list[str]:
    return [str(column or "") for column in row[:6]]


LEDGER = Ledger()
"""The engine's one ledger."""
