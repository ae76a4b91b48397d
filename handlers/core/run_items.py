"""Runs `process` on items, several at a time, within the time that Lambda leaves."""

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
from handlers.core.json_text import Item
from handlers.core.outcome import checked_result, error_text
from handlers.core.rejected import invalid_reason

# With less than this left besides the longest item so far, no item is begun: the rest of the time is for recording.
STOP_MS = 2_000
LOOP = EventLoop()

type Process = Callable[[Item], Any]
# Whether there is time for one more item, by the milliseconds of the longest so far.
type HasTime = Callable[[int], bool]


@dataclass
class Results:
    """Indexes of the items that are done, the errors of those that failed; `left` were not begun for lack of time.

    `invalid` are the failed items that are rejections: another attempt would not help. `values` are the results of the
    done items, if results are kept. `work_ms` is the wall-clock time in which `process` ran: your code's share of the
    bill.
    """

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    invalid: set[int] = field(default_factory=set)
    values: dict[int, Any] = field(default_factory=dict)
    work_ms: int = 0


def run_items(
    items: Mapping[int, Item], process: Process, concurrency: int, has_time: HasTime, keep_values: bool = False
) -> Results:
    """Call `process` for every item, at most `concurrency` at a time, until `has_time` is false.

    `has_time` gets the milliseconds that the longest item has taken so far: an item that overruns the invocation would
    lose the outcomes of the others.

    An `async def process` is awaited on the environment's event loop; any other runs in threads. An item fails if its
    call raises, leaves tasks behind, or returns an invalid result (see handlers/core/outcome.py).
    """
    work = ItemRun(items, process, has_time, keep_values)
    workers = min(concurrency, len(items))
    if is_async(process):
        LOOP.run(work.begin_async, workers)
    elif workers == 1:
        work.run_all()
    elif workers:
        in_threads(work.run_all, workers)
    return work.results_with_left()


def is_async(process: Callable[..., Any]) -> bool:
    """Whether calling `process` returns a coroutine to await, by its declaration.

    A partial, a function decorated with functools.wraps and an object with an async `__call__` count as the function
    behind them. A plain function that returns a coroutine does not count: it forgot to await.
    """
    while isinstance(process, functools.partial):
        process = process.func
    process = inspect.unwrap(process)
    call = inspect.unwrap(type(process).__call__)
    return inspect.iscoroutinefunction(process) or inspect.iscoroutinefunction(call)


class ItemRun:
    """The items of one run, taken one by one. Its methods may be called in several threads."""

    def __init__(self, items: Mapping[int, Item], process: Process, has_time: HasTime, keep_values: bool):
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
        """The index of the next item to process; None if none is left, or no time for one."""
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
        """Process items one after another."""
        while (index := self.begin()) is not None:
            began = time.monotonic_ns()
            value, failure = None, None
            try:
                # An own context: what `process` sets in it, such as decimal's precision, ends with the item.
                # A copy: what `process` does to its item must not change what is recorded when the item fails.
                value = checked_result(contextvars.Context().run(self.process, copy.deepcopy(self.items[index])))
            except BaseException as error:  # noqa: BLE001 - any exception of `process` is this item's failure
                failure = error
            self._ended(index, began, value, failure)

    def begin_async(self) -> Coroutine[Any, Any, None] | None:
        """The coroutine that processes the next item; None if none is left."""
        index = self.begin()
        return None if index is None else self._run_async(index)

    async def _run_async(self, index: int) -> None:
        began = time.monotonic_ns()
        value, failure = None, None
        try:
            returned = self.process(copy.deepcopy(self.items[index]))
            # An async decorator may have awaited the function itself: then `returned` is the result.
            value = checked_result(await returned if inspect.isawaitable(returned) else returned)
        except BaseException as error:  # noqa: BLE001 - any exception of `process` is this item's failure
            failure = error
        try:
            await end_tasks_left()
        except BaseException as error:  # noqa: BLE001 - also a cancellation that `process` has asked for
            failure = error if failure is None else failure
        self._ended(index, began, value, failure)

    def _ended(self, index: int, began: int, value: Any, failure: BaseException | None) -> None:
        if failure is not None:
            self.results.failed[index] = error_text(failure)
        else:
            if self.keep_values and value is not None:
                self.results.values[index] = value
            self.results.done.append(index)
        ended = time.monotonic_ns()
        self._spans.append((began, ended))
        self._longest = max(self._longest, (ended - began) // 1_000_000)

    def results_with_left(self) -> Results:
        """The results, once no item runs any more."""
        self.results.left.extend(self._queue)
        if self._spans:
            # A worker takes items until none is left, so there is no gap between the first item and the last.
            work_ns = max(ended for _, ended in self._spans) - min(began for began, _ in self._spans)
            self.results.work_ms = round(work_ns / 1_000_000)
        return self.results


def in_threads(run: Callable[[], None], count: int) -> None:
    """Call `run` in `count` threads and wait for all of them, whatever happens meanwhile."""
    threads: list[threading.Thread] = []
    for _ in range(count):
        try:
            threads.append(started(run))
        except RuntimeError:
            # `process` has used up the threads that a process may have: the threads that did start do it all.
            break
    if not threads:
        run()
    for thread in threads:
        while thread.is_alive():
            # A signal that `process` has sent or asked for.
            with suppress(BaseException):
                thread.join()


def started(run: Callable[[], None]) -> threading.Thread:
    """A thread that runs `run`. Raises RuntimeError if no thread can be started."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
