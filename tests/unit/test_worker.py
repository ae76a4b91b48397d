"""One bad item costs one item: whatever it does to its process, its neighbours get through, and it is named."""

import asyncio
import ctypes
import faulthandler
import gc
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from handlers.core.run_items import Results
from handlers.worker import family
from handlers.worker.messages import Outcomes
from tests.worker import environment, numbered

MEGABYTE = 1 << 20
WRITE_OR_CLOSE = "it closed, or wrote to, files of its process that were not its own"


def crash() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(b"x" * 10 * MEGABYTE))
        time.sleep(0.005)


def write_where_it_must_not() -> None:
    (outcomes,) = (one for one in gc.get_objects() if isinstance(one, Outcomes))
    os.write(outcomes._file, b"garbage\n")
    time.sleep(3600)


def close_all() -> None:
    os.closerange(3, 1024)
    raise ValueError


# What an item does -> how, and its cause.
BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "hang": (lambda: time.sleep(3600), "hung: not done after 0.4 s (item_timeout)"),
    "exit": (lambda: os._exit(3), "its process ended with exit code 3"),
    "kill": (
        lambda: os.kill(os.getpid(), signal.SIGKILL),
        "its process was killed (SIGKILL): it may have needed more than the function's {memory} MB",
    ),
    "crash": (crash, "its process ended with signal SIGSEGV"),
    "eat": (eat, "its process was ended: the function held nearly all of its {memory} MB of memory"),
    "close": (close_all, WRITE_OR_CLOSE),
    "write": (write_where_it_must_not, WRITE_OR_CLOSE),
}


def process(item: dict) -> int:
    """Do what the item says: one of BAD, or sleep so many seconds."""
    if item["do"] in BAD:
        BAD[item["do"]][0]()
    time.sleep(float(item["do"] or 0))
    return item["value"]


async def process_async(item: dict) -> int:
    if item["do"] == "await":
        await asyncio.sleep(3600)
    if item["do"]:
        return process(item)
    await asyncio.sleep(0)
    return item["value"]


def memory_mb() -> int:
    """Enough for some items. The tests' own process counts as the function's, and grows from test to test."""
    return family.resident_bytes(os.getpid()) // MEGABYTE + 400


def settled(results: Results) -> list[int]:
    return sorted([*results.done, *results.failed, *results.left])


pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # threads of other tests


@pytest.mark.parametrize(("work", "concurrency"), [(process, 1), (process, 4), (process_async, 4)])
@pytest.mark.parametrize("bad", BAD)
def test_a_bad_item_of_ten_fails_alone_with_its_cause(bad, work, concurrency):
    memory = memory_mb()
    with environment(work, item_seconds=0.4 if bad == "hang" else 10, memory_mb=memory) as here:
        results = here.run(numbered(10, i3=bad), concurrency, keep_values=True)
        assert results.failed == {3: BAD[bad][1].format(memory=memory)}
        assert results.values == {n: n for n in range(10) if n != 3}
        assert sorted(results.done) == [n for n in range(10) if n != 3]
        assert (results.guilty, results.left, results.suspects) == ({3}, [], set())
        assert len(here.run(numbered(10)).done) == 10


def test_several_bad_items_at_a_time_are_told_from_those_beside_them():
    with environment(process, item_seconds=0.5) as here:
        results = here.run(numbered(10, i0="hang", i1="exit", i2="0.2", i3="hang", i9="hang"), 4)
    assert results.guilty == results.failed.keys() == {0, 1, 3, 9}
    assert sorted(results.done) == [2, 4, 5, 6, 7, 8]


def test_an_awaited_item_that_hangs_is_cancelled_and_ends_no_process():
    with environment(process_async, item_seconds=0.3) as here:
        first = here.run({0: {"id": "pid", "value": 0, "do": ""}} | numbered(5, i3="await"))
        process_id = here.process_id
        assert (first.failed, first.guilty) == ({3: "hung: not done after 0.3 s (item_timeout)"}, set())
        assert len(here.run(numbered(5)).done) == 5
        assert here.process_id == process_id


def test_an_item_that_has_had_all_the_time_is_to_blame_and_the_function_outlives_it():
    with environment(process) as here:
        began = time.monotonic()
        results = here.run(numbered(10, i3="hang"), 4, seconds=3)
        assert time.monotonic() - began < 2.7
    assert results.failed == {3: "not done when the function's time ran out (2 s)"}
    assert (len(results.done), results.guilty) == (9, {3})


def test_items_that_had_too_little_time_are_left_and_are_suspects_of_the_next_call():
    with environment(process) as here:
        results = here.run(numbered(3, i0="0.3", i1="hang", i2="hang"), 2, seconds=2)
        assert (results.done, results.failed, results.left, results.suspects) == ([0], {}, [1, 2], {1, 2})
        # One of them has turned good.
        results = here.run(numbered(3, i1="hang"), 2, seconds=2, alone={1, 2})
        assert (results.done, results.guilty, results.left, results.suspects) == ([0], {1}, [2], {2})
        assert here.run(numbered(3), alone={2}).done == [0, 1, 2]


def test_a_late_item_alone_is_no_culprit_if_it_had_less_than_half_of_the_time():
    with environment(process) as here:
        results = here.run(numbered(2, i0="0.8", i1="hang"), 1, seconds=3)
    assert (results.done, results.left, results.suspects, results.failed) == ([0], [1], {1}, {})


def spans(item: dict) -> list[float]:
    began = time.monotonic()
    time.sleep(0.02)
    return [began, time.monotonic()]


def test_suspects_run_alone_after_all_others():
    with environment(spans) as here:
        values = here.run(numbered(12), 4, alone={0, 5}, keep_values=True).values
    others = [values[n] for n in values if n not in {0, 5}]
    assert values[0][0] > max(ended for _, ended in others)
    assert values[5][0] > values[0][1]
    assert len(others) == 10


def span_or_exit(item: dict) -> list[float]:
    if item["do"]:
        time.sleep(0.1)
        os._exit(1)
    return spans(item) if item["value"] > 3 else [time.monotonic(), time.sleep(0.3) or time.monotonic()]


def test_with_many_suspects_they_run_before_the_others(monkeypatch):
    monkeypatch.setattr("handlers.worker.call.MAX_SUSPECTS", 2)
    with environment(span_or_exit) as here:
        results = here.run(numbered(8, i1="exit"), 4, keep_values=True)
    assert results.guilty == {1}
    began = {index: value[0] for index, value in results.values.items()}
    assert sorted(began, key=began.__getitem__)[:2] == [0, 2]
    assert max(began, key=began.__getitem__) == 3


def test_no_item_is_blamed_for_memory_that_others_have_left():
    kept = []

    def leak(item: dict) -> None:
        kept.append(bytearray(b"x" * 100 * MEGABYTE))
        time.sleep(0.15)

    with environment(leak, memory_mb=memory_mb()) as here:
        results = here.run(numbered(8), 1)
    assert (results.failed, sorted(results.done)) == ({}, list(range(8)))
