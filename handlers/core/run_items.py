"""Runs `process` on items, several at a time, within the time that Lambda leaves."""

import asyncio
import contextvars
import functools
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any, NamedTuple, Protocol

from handlers.core.event_loop import EventLoop, end_tasks_left
from handlers.core.json_text import Item
from handlers.core.outcome import checked_result, error_text
from handlers.core.permanent import is_permanent
from handlers.core.rejected import invalid_reason
from handlers.core.user_frames import whole_traceback, with_frames

# With less than this left besides the longest item so far, no item is begun: the rest of the time is for recording.
STOP_MS = 2_000
LOOP = EventLoop()

type Process = Callable[[Item], Any]
# Whether there is time for one more item, by the milliseconds of the longest so far.
type HasTime = Callable[[int], bool]


@dataclass
class Results:
    """What became of the items of one call, by their indexes. Every item is in one of `done`, `failed` and `left`.

    `done`: `process` returned; `values` has the results of those that returned something, if results are kept.
    `failed`: index -> its error, with the frames of your code. For those in `permanent` another attempt would not
    help: rejections, and what raised Permanent or an error that PERMANENT_ERRORS names. Those in `guilty` hung, or
    ended their process, while no other item was under way.
    `left`: not processed for lack of time, or cut short. Those in `suspects` were under way, with others, when their
    process ended or had to be ended, or had less than half of the invocation: the next call must be given them in
    `alone`. At most MAX_SUSPECTS and the items of one moment are suspects.
    `work_ms`: the wall-clock time in which `process` ran, your code's share of the bill.
    """

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    left: list[int] = field(default_factory=list)
    permanent: set[int] = field(default_factory=set)
    guilty: set[int] = field(default_factory=set)
    suspects: set[int] = field(default_factory=set)
    values: dict[int, Any] = field(default_factory=dict)
    work_ms: int = 0

    def add(self, other: "Results") -> None:
        """Add what became of other items."""
        self.done += other.done
        self.left += other.left
        self.failed |= other.failed
        self.permanent |= other.permanent
        self.guilty |= other.guilty
        self.suspects |= other.suspects
        self.values |= other.values
        self.work_ms += other.work_ms


class ItemTimeout(Exception):
    """An item took longer than it may."""

    def __init__(self, seconds: float):
        super().__init__(f"hung: not done after {seconds:g} s (item_timeout)")


class Failure(NamedTuple):
    """Why an item failed: the error and its frames, what Python prints of it, and whether it is permanent."""

    error: str
    traceback: str = ""
    permanent: bool = False


def failure_of(error: BaseException, permanent_errors: Sequence[str] = ()) -> Failure:
    """The failure of an item that raised `error`. Raises nothing."""
    if isinstance(error, ItemTimeout):
        return Failure(str(error))
    return Failure(with_frames(error_text(error), error), whole_traceback(error), is_permanent(error, permanent_errors))


class Report(Protocol):
    """Is told what happens to the items, in whatever thread it happens."""

    def began(self, index: int) -> None: ...

    def done(self, index: int, value: Any) -> None: ...

    def failed(self, index: int, failure: Failure) -> None: ...


class Collected:
    """The report of items that are processed in this very process: their results."""

    def __init__(self, keep_values: bool):
        self.keep_values = keep_values
        self.results = Results()

    def began(self, index: int) -> None:
        pass

    def done(self, index: int, value: Any) -> None:
        # Adding to a list, dict or set is atomic under the interpreter's lock.
        if self.keep_values and value is not None:
            self.results.values[index] = value
        self.results.done.append(index)

    def failed(self, index: int, failure: Failure) -> None:
        self.results.failed[index] = failure.error
        if failure.permanent:
            self.results.permanent.add(index)


def without_rejections(items: Mapping[int, Item], results: Results) -> dict[int, Item]:
    """The items that are to be processed. The rejections among `items` are recorded in `results` as failed."""
    for index, item in items.items():
        if reason := invalid_reason(item):
            results.failed[index] = reason
            results.permanent.add(index)
    return {index: item for index, item in items.items() if index not in results.failed}


def run_items(
    items: Mapping[int, Item], process: Process, concurrency: int, has_time: HasTime, keep_values: bool = False
) -> Results:
    """Process items in this very process, at most `concurrency` at a time, until `has_time` is false.

    See ItemRun. An item that hangs, or ends the process, takes all others with it: handlers/worker knows better.
    """
    report = Collected(keep_values)
    run = ItemRun(without_rejections(items, report.results), process, has_time, report)
    run.run(concurrency)
    report.results.left.extend(run.left)
    report.results.work_ms = run.work_ms
    return report.results


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
    """The items of one run, taken one by one. Its methods may be called in several threads.

    An `async def process` is awaited on the environment's event loop; any other runs in threads. An item fails if its
    call raises, leaves tasks behind, or returns an invalid result (see handlers/core/outcome.py). One that is awaited
    longer than `item_seconds` is cancelled; one that runs in a thread cannot be.
    """

    def __init__(
        self,
        items: Mapping[int, Item],
        process: Process,
        has_time: HasTime,
        report: Report,
        permanent_errors: Sequence[str] = (),
        item_seconds: float | None = None,
    ):
        self.items = items
        self.process = process
        self.has_time = has_time
        self.report = report
        self.permanent_errors = permanent_errors
        self.item_seconds = item_seconds
        self.left: list[int] = []
        # next() on a shared iterator is atomic under the interpreter's lock.
        self._queue = iter(sorted(items))
        self._longest = 0
        self._spans: list[tuple[int, int]] = []

    def run(self, concurrency: int) -> None:
        """Process the items, at most `concurrency` at a time; `left` are those that there was no time for.

        `has_time` gets the milliseconds that the longest item has taken so far: an item that overruns the invocation
        would lose the outcomes of the others.
        """
        workers = min(concurrency, len(self.items))
        if is_async(self.process):
            LOOP.run(self.begin_async, workers)
        elif workers == 1:
            self.run_all()
        elif workers:
            in_threads(self.run_all, workers, lambda: length_hint(self._queue) > 0)
        self.left.extend(self._queue)

    @property
    def work_ms(self) -> int:
        """The milliseconds from the first item's beginning to the last one's end."""
        if not self._spans:
            return 0
        # A worker takes items until none is left, so there is no gap between the first item and the last.
        return round((max(ended for _, ended in self._spans) - min(began for began, _ in self._spans)) / 1_000_000)

    def begin(self) -> int | None:
        """The index of the next item to process; None if none is left, or no time for one."""
        for index in self._queue:
            if self.has_time(self._longest):
                self.report.began(index)
                return index
            self.left.append(index)
            return None
        return None

    def run_all(self) -> None:
        """Process items one after another."""
        while (index := self.begin()) is not None:
            began = time.monotonic_ns()
            value, failure = None, None
            try:
                # An own context: what `process` sets in it, such as decimal's precision, ends with the item.
                value = checked_result(contextvars.Context().run(self.process, self.items[index]))
            except BaseException as error:  # noqa: BLE001 - any exception of `process` is this item's failure
                # The exception, and the objects in its frames, end with the item.
                failure = failure_of(error, self.permanent_errors)
            self._ended(index, began, value, failure)

    def begin_async(self) -> Coroutine[Any, Any, None] | None:
        """The coroutine that processes the next item; None if none is left."""
        index = self.begin()
        return None if index is None else self._run_async(index)

    async def _run_async(self, index: int) -> None:
        began = time.monotonic_ns()
        value, failure = None, None
        limit = asyncio.timeout(self.item_seconds)
        try:
            async with limit:
                returned = self.process(self.items[index])
                # An async decorator may have awaited the function itself: then `returned` is the result.
                value = checked_result(await returned if inspect.isawaitable(returned) else returned)
        except BaseException as error:  # noqa: BLE001 - any exception of `process` is this item's failure
            cause = ItemTimeout(self.item_seconds) if self.item_seconds and limit.expired() else error
            failure = failure_of(cause, self.permanent_errors)
            del cause
        try:
            await end_tasks_left()
        except BaseException as error:  # noqa: BLE001 - also a cancellation that `process` has asked for
            failure = failure or failure_of(error, self.permanent_errors)
        self._ended(index, began, value, failure)

    def _ended(self, index: int, began: int, value: Any, failure: Failure | None) -> None:
        ended = time.monotonic_ns()
        if failure is None:
            self.report.done(index, value)
        else:
            self.report.failed(index, failure)
        self._spans.append((began, ended))
        self._longest = max(self._longest, (ended - began) // 1_000_000)


def in_threads(run: Callable[[], None], count: int, is_wanted: Callable[[], bool]) -> None:
    """Call `run` in up to `count` threads, as long as another `is_wanted`, and wait for all of them in any case."""
    threads: list[threading.Thread] = []
    while len(threads) < count and is_wanted():
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
