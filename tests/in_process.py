"""In place of handlers/worker: runs the work in the very process of the test, as far as the time allows."""

from collections.abc import Callable, Mapping
from typing import Any

from handlers.core.clock import Clock
from handlers.core.run_items import STOP_MS, Results, run_items


class InProcess:
    """Calls `process`. Nothing hangs or ends its process here, so what is `alone` changes nothing."""

    def __init__(self, process: Callable[[dict], Any]):
        self._process = process

    def ready(self, clock: Clock) -> bool:
        return True

    def run(
        self, items: Mapping[int, dict], concurrency: int, clock: Clock, *, keep_values: bool = False, **_: Any
    ) -> Results:
        return run_items(items, self._process, concurrency, lambda longest: clock.has(STOP_MS, longest), keep_values)
