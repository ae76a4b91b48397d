"""Running the user's work: every item ends done, failed or left, whatever the work does."""

import asyncio
import contextvars
import decimal
import functools
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from types import SimpleNamespace

import pytest

from handlers.core.items import ERROR_KEY
from handlers.core.outcome import MAX_ERROR_LENGTH, MAX_RESULT_BYTES
from handlers.core.run_items import Results, run_items


def numbered(count: int) -> dict[int, dict]:
    return {n: {"id": f"i{n}", "value": n} for n in range(count)}


def fail_odd(item: dict) -> None:
    if item["value"] % 2:
        raise RuntimeError(f"odd {item['value']}")


def always(longest: int) -> bool:
    return True


def errors(results: Results) -> dict[int, str]:
    """The errors without their frames."""
    return {index: error.partition("\n")[0] for index, error in results.failed.items()}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_every_item_is_done_failed_or_left(concurrency):
    calls = iter([True] * 6 + [False] * 100)
    results = run_items(numbered(10), fail_odd, concurrency, lambda longest: next(calls))
    assert sorted([*results.done, *results.failed, *results.left]) == list(range(10))
    assert set(results.failed) <= {1, 3, 5, 7, 9}
    assert len(results.done) + len(results.failed) == 6
    assert all(error == f"RuntimeError: odd {index}" for index, error in errors(results).items())


def test_no_item_is_begun_that_might_take_longer_than_is_left(monkeypatch):
    now_ns = 0
    asked: list[int] = []

    def has_time(longest: int) -> bool:
        asked.append(longest)
        return longest < 20

    def process(item: dict) -> None:
        nonlocal now_ns
        now_ns += item["value"] * 30_000_000

    monkeypatch.setattr("handlers.core.run_items.time", SimpleNamespace(monotonic_ns=lambda: now_ns))
    results = run_items(numbered(4), process, 1, has_time)
    assert results.done == [0, 1]
    assert results.left == [2, 3]
    assert asked == [0, 0, 30]


def test_an_invalid_item_fails_without_being_processed():
    results = run_items({0: {"id": "line-3", ERROR_KEY: "not JSON"}}, pytest.fail, 1, always)
    assert results.failed == {0: "InvalidItem: not JSON"}
    assert results.permanent == {0}


def test_only_an_item_that_was_processed_is_worth_another_attempt():
    items = {0: {"id": "line-3", ERROR_KEY: "not JSON"}, 1: {"id": "a", "value": 1}}
    assert run_items(items, fail_odd, 1, always).permanent == {0}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_process_returned_is_kept_for_the_done_ones_that_returned_something(concurrency):
    def halve(item: dict) -> int | None:
        fail_odd(item)
        return item["value"] // 2 if item["value"] else None

    results = run_items(numbered(6), halve, concurrency, always, keep_values=True)
    assert results.values == {2: 1, 4: 2}
    assert sorted(results.done) == [0, 2, 4]


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object(), b"bytes", "x" * MAX_RESULT_BYTES])
def test_what_is_no_result_fails_its_item_whether_results_are_kept_or_not(value, kept):
    results = run_items(numbered(1), lambda _: value, 1, always, keep_values=kept)
    assert (results.done, results.values) == ([], {})
    assert results.failed[0].startswith("InvalidResult: process returned ")


@pytest.mark.parametrize("letter", ["x", "я", "数"])
def test_the_largest_result_in_bytes_of_utf_8_is_kept(letter):
    value = letter * ((MAX_RESULT_BYTES - 2) // len(letter.encode()))
    assert run_items(numbered(1), lambda _: value, 1, always, keep_values=True).values == {0: value}


def generator(item: dict) -> Iterator[None]:
    yield


async def async_generator(item: dict) -> AsyncIterator[None]:
    yield


async def nothing(item: dict) -> None:
    pass


async def a_coroutine_of_a_coroutine(item: dict) -> object:
    return nothing(item)


async def an_open_future(item: dict) -> object:
    return asyncio.get_running_loop().create_future()


PROMISES = {
    "a generator": generator,
    "an async generator": async_generator,
    "a coroutine": lambda item: nothing(item),  # noqa: PLW0108  a plain function that returns one
    "a coroutine, and none": a_coroutine_of_a_coroutine,
    "an awaitable": an_open_future,
    "a future": lambda item: Future(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("what", PROMISES)
def test_a_promise_of_work_is_no_result_and_the_error_says_what_to_do(what, concurrency, kept):
    results = run_items(numbered(3), PROMISES[what], concurrency, always, keep_values=kept)
    assert (results.done, sorted(results.failed)) == ([], [0, 1, 2])
    assert all(error.startswith(f"InvalidResult: process returned {what}") for error in results.failed.values())
    assert all(" return " in error or "await it" in error for error in results.failed.values())


async def halve(item: dict) -> float:
    await asyncio.sleep(0)
    fail_odd(item)
    return item["value"] / 2


def decorated(function: Callable) -> Callable:
    @functools.wraps(function)
    def call(item: dict) -> object:
        return function(item)

    return call


class Halve:
    async def __call__(self, item: dict) -> float:
        return await halve(item)


ASYNC = [halve, functools.partial(halve), decorated(halve), Halve(), Halve().__call__, functools.partial(Halve())]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("process", ASYNC)
def test_whatever_is_declared_async_is_awaited(process, concurrency):
    results = run_items(numbered(5), process, concurrency, always, keep_values=True)
    assert results.values == {0: 0, 2: 1, 4: 2}
    assert errors(results) == {1: "RuntimeError: odd 1", 3: "RuntimeError: odd 3"}


def test_a_wrapper_that_waits_for_its_async_function_itself_returns_the_result():
    @functools.wraps(halve)
    def waits(item: dict) -> float:
        with suppress(StopIteration):
            nothing(item).send(None)
        return item["value"]

    assert run_items(numbered(2), waits, 1, always, keep_values=True).values == {0: 0, 1: 1}


def test_items_are_awaited_so_many_at_a_time_on_one_loop_that_stays():
    loops, now, most = set(), 0, 0

    async def process(item: dict) -> None:
        nonlocal now, most
        loops.add(asyncio.get_running_loop())
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    for _ in range(2):
        assert len(run_items(numbered(20), process, 4, always).done) == 20
    assert (most, len(loops)) == (4, 1)


def test_async_items_that_there_is_no_time_for_are_left():
    calls = iter([True] * 3 + [False] * 9)
    results = run_items(numbered(6), nothing, 2, lambda longest: next(calls))
    assert (sorted(results.done), sorted(results.left)) == ([0, 1, 2], [3, 4, 5])


def test_work_in_asyncios_threads_has_as_many_as_items():
    meet = threading.Barrier(20)

    async def process(item: dict) -> None:
        await asyncio.to_thread(meet.wait, 5)

    assert len(run_items(numbered(20), process, 20, always).done) == 20


def test_a_task_that_an_item_leaves_behind_fails_it_and_ends_before_it_is_settled():
    ended: list[int] = []

    async def beside(value: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(value)

    async def process(item: dict) -> None:
        task = asyncio.ensure_future(beside(item["value"]))
        await asyncio.sleep(0)
        if item["value"] == 1:
            await asyncio.gather(task, asyncio.to_thread(task.cancel), return_exceptions=True)

    results = run_items(numbered(3), process, 3, always)
    assert results.done == [1]
    assert "TasksLeft: process returned while 1 task that it had begun still ran" in results.failed[0]
    assert "beside" in results.failed[0]
    assert sorted(ended) == [0, 1, 2]


def test_a_task_that_cannot_be_stopped_is_told():
    over = asyncio.Event()

    async def stays() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await over.wait()

    async def process(item: dict) -> None:
        tasks.append(asyncio.ensure_future(stays()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task] = []
    assert "of which 1 cannot be stopped" in run_items(numbered(1), process, 1, always).failed[0]

    async def end(item: dict) -> None:
        over.set()
        await asyncio.wait(tasks)

    assert run_items(numbered(1), end, 1, always).done == [0]


def test_a_task_in_a_context_of_its_own_is_nobodys_and_goes_on():
    tasks: list[asyncio.Task] = []

    async def process(item: dict) -> None:
        if not tasks:
            tasks.append(asyncio.get_running_loop().create_task(asyncio.sleep(60), context=contextvars.Context()))
        await asyncio.sleep(0)
        assert not tasks[0].done()

    assert run_items(numbered(3), process, 1, always).done == [0, 1, 2]
    tasks[0].cancel()
    run_items(numbered(1), nothing, 1, always)


def test_an_async_generator_that_was_not_read_to_its_end_leaves_nothing_behind():
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0.01)

    async def process(item: dict) -> None:
        async for _ in numbers():
            break
        await asyncio.sleep(0)

    assert run_items(numbered(2), process, 1, always).done == [0, 1]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit(3)


class Nameless(Exception, metaclass=Meta):
    pass


class NoText(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # noqa: PLE0307  the mistake under test


class Trap(str):
    __slots__ = ()

    def __getitem__(self, key: object) -> str:
        raise MemoryError

    def encode(self, *_: object) -> bytes:
        raise MemoryError


class Trapped(Exception):
    def __str__(self) -> str:
        return Trap("x" * 5000)


def too_deep(item: dict) -> None:
    too_deep(item)


def cancelled(item: dict) -> None:
    async def cancel() -> None:
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(1)

    asyncio.run(cancel())


RAISED = {
    "KeyboardInterrupt: ": KeyboardInterrupt(),
    "SystemExit: 3": SystemExit(3),
    "GeneratorExit: ": GeneratorExit(),
    "CancelledError: ": asyncio.CancelledError(),
    "MemoryError: ": MemoryError(),
    "StopIteration: ": StopIteration(),
    "StopAsyncIteration: ": StopAsyncIteration(),
    "BaseExceptionGroup: two (2 sub-exceptions); SystemExit: 1; ValueError: v": BaseExceptionGroup(
        "two", [SystemExit(1), ValueError("v")]
    ),
    "Unspeakable: (its message cannot be had: KeyboardInterrupt)": Unspeakable(),
    "Nameless: x": Nameless("x"),
    "NoText: (its message cannot be had: TypeError)": NoText(),
    "Trapped: xxx": Trapped(),
    "ValueError: ??": ValueError("\ud800\udfff"),
    "ValueError: yyy": ValueError("y" * 10_000_000),
}


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("says", RAISED)
def test_whatever_an_item_raises_is_its_failure_alone(says, kind, concurrency):
    def process(item: dict) -> None:
        if item["value"] == 1:
            raise RAISED[says]

    async def process_async(item: dict) -> None:
        await asyncio.sleep(0)
        process(item)

    results = run_items(numbered(4), process if kind == "sync" else process_async, concurrency, always)
    assert sorted(results.done) == [0, 2, 3]
    # A coroutine that lets StopIteration out says so in other words.
    assert says.removesuffix(": ") in results.failed[1]
    assert len(errors(results)[1]) <= MAX_ERROR_LENGTH


@pytest.mark.parametrize(("work", "says"), [(too_deep, "RecursionError: "), (cancelled, "CancelledError: ")])
def test_what_python_itself_raises_in_an_item_is_its_failure_alone(work, says):
    results = run_items(numbered(2), lambda item: work(item) if item["value"] else None, 2, always)
    assert results.done == [0]
    assert results.failed[1].startswith(says)


def test_a_task_of_an_item_that_exits_stops_no_other_item():
    async def leave() -> None:
        sys.exit(3)

    async def process(item: dict) -> None:
        if item["value"] == 1:
            await asyncio.ensure_future(leave())
        await asyncio.sleep(0.01)

    results = run_items(numbered(4), process, 2, always)
    assert (sorted(results.done), errors(results)) == ([0, 2, 3], {1: "SystemExit: 3"})


def test_an_item_that_stops_the_loop_or_cancels_every_task_ends_with_all_others():
    async def process(item: dict) -> None:
        if item["value"] == 0:
            asyncio.get_running_loop().stop()
        if item["value"] == 1:
            for task in asyncio.all_tasks():
                task.cancel()
        await asyncio.sleep(0.01)

    results = run_items(numbered(6), process, 2, always)
    assert sorted([*results.done, *results.failed]) == list(range(6))
    assert sorted(results.done)[-4:] == [2, 3, 4, 5]


def test_what_an_item_sets_in_its_context_is_gone_with_it():
    def process(item: dict) -> int:
        precision = decimal.getcontext().prec
        decimal.getcontext().prec = 3
        return precision

    results = run_items(numbered(3), process, 1, always, keep_values=True)
    assert set(results.values.values()) == {decimal.getcontext().prec}


def test_no_thread_is_started_for_items_that_others_have_begun_already(monkeypatch):
    started: list[threading.Thread] = []

    def started_and_through(run: Callable[[], None]) -> threading.Thread:
        started.append(thread := threading.Thread(target=run))
        thread.start()
        thread.join()
        return thread

    monkeypatch.setattr("handlers.core.run_items.started", started_and_through)
    results = run_items(numbered(100), lambda item: None, 10, always)
    assert (len(results.done), len(started)) == (100, 1)


def test_where_no_thread_can_be_had_the_items_are_processed_all_the_same(monkeypatch):
    def refuse(run: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("handlers.core.run_items.started", refuse)
    assert run_items(numbered(3), fail_odd, 4, always).done == [0, 2]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_work_that_exits_fails_its_item_and_no_other(concurrency):
    def leave(item: dict) -> None:
        if item["value"] == 1:
            sys.exit(3)

    results = run_items(numbered(3), leave, concurrency, always)
    assert (sorted(results.done), errors(results)) == ([0, 2], {1: "SystemExit: 3"})


def failing(error: Exception) -> Callable[[dict], None]:
    def process(item: dict) -> None:
        item["value"] = object()
        raise error

    return process


def test_an_error_is_cut_and_holds_nothing_that_a_service_refuses():
    results = run_items(numbered(1), failing(ValueError("\ud800" + "x" * 5000)), 1, always)
    assert errors(results)[0] == "ValueError: ?" + "x" * (MAX_ERROR_LENGTH - len("ValueError: ?"))


def test_work_is_the_time_in_which_at_least_one_item_is_processed():
    for concurrency, least in ((1, 120), (4, 30)):
        began = time.monotonic()
        results = run_items(numbered(4), lambda item: time.sleep(0.03), concurrency, always)
        assert least <= results.work_ms <= round((time.monotonic() - began) * 1000)
    assert run_items({}, fail_odd, 1, always).work_ms == 0
    assert run_items(numbered(1), fail_odd, 1, lambda longest: False).work_ms == 0
