"""`process_chunk`: all items of a chunk in one call, and each by itself where that call fails."""

import asyncio
import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from handlers import Permanent
from tests.worker import environment, numbered

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests


def halves(items: list[dict]) -> list[Any]:
    """Half of each value, an exception for the odd ones; first each item does what it says."""
    for item in items:
        item["seen"] = True
        if item["do"] == "hang":
            time.sleep(3600)
        if item["do"] == "exit":
            os._exit(3)
        if item["do"] == "raise":
            raise KeyError(item["id"])
    return [ValueError("odd") if item["value"] % 2 else item["value"] // 2 for item in items]


async def halves_async(items: list[dict]) -> list[Any]:
    await asyncio.sleep(0)
    return halves(items)


def half(item: dict) -> int:
    assert "seen" not in item
    return halves([item])[0] if item["value"] % 2 == 0 else 1 // 0


def having(**functions: Any) -> Any:
    return lambda: SimpleNamespace(**functions)


CHUNKS = pytest.mark.parametrize("process_chunk", [halves, halves_async])


@CHUNKS
def test_a_chunk_is_one_call_and_each_entry_is_its_items_outcome(process_chunk):
    with environment(load_work=having(process_chunk=process_chunk)) as here:
        results = here.run(numbered(4), keep_values=True)
    assert (results.values, results.done) == ({0: 0, 2: 1}, [0, 2])
    assert results.failed == dict.fromkeys([1, 3], "ValueError: odd")


@CHUNKS
@pytest.mark.parametrize("beside", [{}, {"process": half}])
@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("raise", "KeyError: 'i2'"),
        ("exit", "its process ended with exit code 3"),
        ("hang", "hung: not done after 0.1 s (item_timeout)"),
    ],
)
def test_where_the_call_fails_each_item_is_tried_by_itself(process_chunk, beside, bad, says):
    with environment(
        load_work=having(process_chunk=process_chunk, **beside), item_seconds=0.1 if bad == "hang" else 5
    ) as here:
        results = here.run(numbered(6, i2=bad), 1, keep_values=True)
    assert results.values == {0: 0, 4: 2}
    assert results.failed.keys() == {1, 2, 3, 5}
    assert results.failed[2].partition("\n")[0] == says
    odd = "ZeroDivisionError: integer division or modulo by zero" if beside else "ValueError: odd"
    assert results.failed[1].partition("\n")[0] == odd


def test_a_call_that_hangs_gets_half_of_the_time_at_most():
    def process_chunk(items: list[dict]) -> list[None]:
        time.sleep(3600 if len(items) > 1 else 0)
        return [None]

    with environment(load_work=having(process_chunk=process_chunk)) as here:
        # Had it all of the time, the items would have none left.
        assert here.run(numbered(5), seconds=4).done == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ([1, 2], "InvalidResult: process_chunk returned 2 entries for 3 items: return a result, or an exception, "),
        (None, "InvalidResult: process_chunk returned None, and must return a list, one entry per item"),
        ({"a": 1}, "InvalidResult: process_chunk returned {'a': 1}, and must return a list, one entry per item"),
        ((n for n in range(3)), "InvalidResult: process_chunk returned a generator, and none of its code has run"),
    ],
)
def test_a_wrong_return_is_an_error_of_all(returned, says):
    with environment(load_work=having(process_chunk=lambda items: returned)) as here:
        results = here.run(numbered(3))
    assert results.failed.keys() == {0, 1, 2}
    assert all(error.startswith(says) for error in results.failed.values())


def test_an_entry_may_be_permanent_or_no_result():
    with environment(load_work=having(process_chunk=lambda items: [Permanent("never"), {1, 2}, None])) as here:
        results = here.run(numbered(3))
    assert (results.done, results.permanent) == ([2], {0})
    assert results.failed[0] == "Permanent: never"
    assert results.failed[1].startswith("InvalidResult: process returned a set")


def test_suspects_are_not_in_the_call():
    calls = []

    def process_chunk(items: list[dict]) -> list[int]:
        calls.append(len(items))
        return [len(calls)] * len(items)

    with environment(load_work=having(process_chunk=process_chunk)) as here:
        assert here.run(numbered(4), keep_values=True, alone={1}).values == {0: 1, 2: 1, 3: 1, 1: 2}


def test_a_task_that_an_awaited_call_leaves_behind_is_cancelled_and_fails_it():
    ended = []

    async def beside() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(1)

    async def process_chunk(items: list[dict]) -> list[int]:
        count = len(ended)
        if len(items) > 1:
            asyncio.ensure_future(beside())  # noqa: RUF006
            await asyncio.sleep(0)
        return [count] * len(items)

    with environment(load_work=having(process_chunk=process_chunk)) as here:
        assert here.run(numbered(3), keep_values=True).values == {0: 1, 1: 1, 2: 1}
