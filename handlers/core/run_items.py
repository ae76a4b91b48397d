"""Run the user's work on items: several at a time, within the time that Lambda leaves. Pure but for the clock."""

import contextvars
import copy
import functools
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from handlers.core.event_loop import EventLoop, end_tasks_left
from handlers.core.outcome import checked_result, error_text
from handlers.core.rejected import invalid_reason

# With less than this left beside the longest item so far none is begun; what is done by then is written down.
STOP_MS = 2_000
LOOP = EventLoop()


@dataclass
class Results:
    """Indexes of the items that are done, the errors of those that failed; `left` were not begun for want of time.

    `invalid` are those of the failed that are no items: another attempt would not help. `values` are what `process`
    returned for the done ones, where results are kept and there was one. `work_ms` is the time in which at least one
    item was being processed, by the clock of the wall: what of Lambda's bill is the work's own.
    """

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    invalid: set[int] = field(default_factory=set)
    values: dict[int, Any] = field(default_factory=dict)
    work_ms: int = 0


def run_items(
    items: Mapping[int, dict],
    process: Callable[[dict], Any],
    concurrency: int,
    has_time: Callable[[int], bool],
    keep_values: bool = False,
) -> Results:
    """Call `process` for every item, at most `concurrency` at a time, beginning none once `has_time` is false.

    It is asked whether there is time for one more as long as the longest of these so far, in milliseconds: an item that
    overruns the invocation takes with it what the others came to.

    An `async def process` is awaited on the environment's event loop, anything else called in threads. An item has
    failed whose call raises anything, leaves tasks behind, or returns what is no result (see handlers/core/outcome.py).
    """
    work = Work(items, process, has_time, keep_values)
    workers = min(concurrency, len(items))
    if is_async(process):
        LOOP.run(work.begin_async, workers)
    elif workers == 1:
        work.run_all()
    elif workers:
        in_threads(work.run_all, workers)
    return work.results_with_left()


def is_async(process: Callable) -> bool:
    """Whether calling `process` gives a coroutine to await, by how it is declared.

    A partial, a decorated function that names what it wraps (functools.wraps), and an object whose `__call__` is async
    are seen through. What returns a coroutine without being declared so has forgotten to await it.
    """
    while isinstance(process, functools.partial):
        process = process.func
    process = inspect.unwrap(process)
    call = inspect.unwrap(type(process).__call__)
    return inspect.iscoroutinefunction(process) or inspect.iscoroutinefunction(call)


class Work:
    """The items of one run, taken one by one. Its methods may be called in several threads."""

    def __init__(
        self,
        items: Mapping[int, dict],
        process: Callable[[dict], Any],
        has_time: Callable[[int], bool],
        keep_values: bool,
    ):
        self.items = items
        self.process = process
        self.has_time = has_time
        self.keep_values = keep_values
        self.results = Results()
        # next() on a shared iterator and adding to a list, dict or set are atomic under the interpreter's lock.
        self._queue = iter(sorted(items))
        self._longest = 0
        self._spans: list[tuple[int, int]] = []

    def begin(self) -> int | None:
        """The index of the next item to be processed; None when there is none, or no time for it."""
        for index in self._queue:
            if not self.has_time(self._longest):
                self.results.left.append(index)
                return None
            reason = invalid_reason(self.items[index])
            if reason is None:
                return index
            self.results.failed[index] = reason
            self.results.invalid.add(index)
        return None

    def run_all(self) -> None:
        """Process items one after the other."""
        while (index := self.begin()) is not None:
            began = time.time_ns()
            try:
                # An empty context of its own: what the work sets in it, decimal's precision for one, is gone with it.
                # A copy: what the work does to its item must not change what is recorded when it fails.
                value = checked_result(contextvars.Context().run(self.process, copy.deepcopy(self.items[index])))
            except BaseException as error:  # noqa: BLE001 - whatever the work raises is this item's failure
                self._failed(index, error, began)
            else:
                self._done(index, value, began)

    def begin_async(self) -> Coroutine[Any, Any, None] | None:
        """What processes the next item; None when there is none."""
        index = self.begin()
        return None if index is None else self._run_async(index)

    async def _run_async(self, index: int) -> None:
        began = time.time_ns()
        failure: BaseException | None = None
        value = None
        try:
            returned = self.process(copy.deepcopy(self.items[index]))
            # A wrapper that waits for the function itself returns the result.
            value = checked_result(await returned if inspect.isawaitable(returned) else returned)
        except BaseException as error:  # noqa: BLE001 - whatever the work raises is this item's failure
            failure = error
        try:
            await end_tasks_left()
        except BaseException as error:  # noqa: BLE001 - among it a cancellation that the work has asked for
            failure = failure or error
        if failure:
            self._failed(index, failure, began)
        else:
            self._done(index, value, began)

    def _failed(self, index: int, error: BaseException, began: int) -> None:
        self.results.failed[index] = error_text(error)
        self._ended(began)

    def _done(self, index: int, value: Any, began: int) -> None:
        if self.keep_values and value is not None:
            self.results.values[index] = value
        self.results.done.append(index)
        self._ended(began)

    def _ended(self, began: int) -> None:
        ended = time.time_ns()
        self._spans.append((began, ended))
        self._longest = max(self._longest, (ended - began) // 1_000_000)

    def results_with_left(self) -> Results:
        """What all of it came to, once nothing of it runs any more."""
        self.results.left.extend(self._queue)
        if self._spans:
            # No worker rests before the items are through, so there is no gap between the first and the last.
            work_ns = max(ended for _, ended in self._spans) - min(began for began, _ in self._spans)
            self.results.work_ms = round(work_ns / 1_000_000)
        return self.results


def in_threads(run: Callable[[], None], count: int) -> None:
    """Call `run` in so many threads, and wait for all of them whatever happens meanwhile."""
    threads: list[threading.Thread] = []
    for _ in range(count):
        try:
            threads.append(started(run))
        except RuntimeError:
            # The work has used the threads up that a process may have: those that there are do it all.
            break
    if not threads:
        run()
    for thread in threads:
        while thread.is_alive():
            # A signal that the work has sent or asked for.
            with suppress(BaseException):
                thread.join()


def started(run: Callable[[], None]) -> threading.Thread:
    """A thread that runs `run`. Raises RuntimeError when no more can be had."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
