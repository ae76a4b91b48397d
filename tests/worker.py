"""A worker with its real process, for work that a test defines, and the invocation that it works in."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from handlers.core.clock import Clock
from handlers.core.run_items import LOOP, Results
from handlers.worker import Worker
from handlers.worker.limits import Limits


class Context:
    """Lambda's, of an invocation that has so many seconds."""

    aws_request_id = "the-request"

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return round((self._end - time.monotonic()) * 1000)


def numbered(count: int, **do: str) -> dict[int, dict]:
    """Items `i0`, `i1`, ...; `i3="hang"` is what that item does."""
    return {n: {"id": f"i{n}", "value": n, "do": do.get(f"i{n}", "")} for n in range(count)}


class Environment:
    """One Lambda environment, which has a worker."""

    def __init__(self, load_work: Callable[[], Any], limits: Limits):
        self.worker = Worker(load_work, limits)

    @property
    def process_id(self) -> int:
        """That of the process that runs the work now."""
        assert self.worker._process
        return self.worker._process.pid

    def ready(self, seconds: float = 30) -> bool:
        return self.worker.ready(Clock(Context(seconds)))

    def run(self, items: dict[int, dict], concurrency: int = 4, seconds: float = 30, **options: Any) -> Results:
        """One call, in an invocation of its own."""
        about = {"batch_id": "b", "seq": 1, "attempt": 2}
        return self.worker.run(items, concurrency, Clock(Context(seconds)), about=about, **options)


@contextmanager
def environment(
    process: Callable[[dict], Any] | None = None, load_work: Callable[[], Any] | None = None, **limits: Any
) -> Iterator[Environment]:
    """An environment whose work is this `process`, or what `load_work` loads; nothing of it is left behind."""
    here = Environment(load_work or (lambda: SimpleNamespace(process=process)), Limits(**limits))
    # The tests' own loop is not the function's: a function has none before its worker is forked.
    with mock.patch.object(LOOP, "_loop", None):
        try:
            yield here
        finally:
            here.worker.retire()
