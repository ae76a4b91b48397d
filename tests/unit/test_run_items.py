"""Running the user's work: every item ends done, failed or left, whatever the work does."""

import sys
import time
from collections.abc import Callable

import pytest

from handlers.items import ERROR_KEY
from handlers.run_items import MAX_ERROR_LENGTH, MAX_RESULT_BYTES, run_items


def numbered(count: int) -> dict[int, dict]:
    return {n: {"id": f"i{n}", "value": n} for n in range(count)}


def fail_odd(item: dict) -> None:
    if item["value"] % 2:
        raise RuntimeError(f"odd {item['value']}")


def always(longest: int) -> bool:
    return True


@pytest.mark.parametrize("concurrency", [1, 4])
def test_every_item_is_done_failed_or_left(concurrency):
    calls = iter([True] * 6 + [False] * 100)
    results = run_items(numbered(10), fail_odd, concurrency, lambda longest: next(calls))
    assert sorted([*results.done, *results.failed, *results.left]) == list(range(10))
    assert set(results.failed) <= {1, 3, 5, 7, 9}
    assert len(results.done) + len(results.failed) == 6
    assert all(error == f"RuntimeError: odd {index}" for index, error in results.failed.items())


def test_no_item_is_begun_that_might_take_longer_than_is_left():
    asked: list[int] = []

    def has_time(longest: int) -> bool:
        asked.append(longest)
        return longest < 20

    results = run_items(numbered(4), lambda item: time.sleep(item["value"] * 0.03), 1, has_time)
    assert results.done == [0, 1]
    assert results.left == [2, 3]
    assert asked[0] == 0
    assert asked[-1] >= 30


def test_an_invalid_item_fails_without_being_processed():
    results = run_items({0: {"id": "line-3", ERROR_KEY: "not JSON"}}, pytest.fail, 1, always)
    assert results.failed == {0: "InvalidItem: not JSON"}
    assert results.invalid == {0}


def test_only_an_item_that_was_processed_is_worth_another_attempt():
    items = {0: {"id": "line-3", ERROR_KEY: "not JSON"}, 1: {"id": "a", "value": 1}}
    assert run_items(items, fail_odd, 1, always).invalid == {0}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_process_returned_is_kept_for_the_done_ones_that_returned_something(concurrency):
    def halve(item: dict) -> int | None:
        fail_odd(item)
        return item["value"] // 2 if item["value"] else None

    results = run_items(numbered(6), halve, concurrency, always, keep_values=True)
    assert results.values == {2: 1, 4: 2}
    assert sorted(results.done) == [0, 2, 4]


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object(), b"bytes", "x" * MAX_RESULT_BYTES])
def test_a_result_that_cannot_be_kept_fails_its_item_only_when_results_are_kept(value):
    kept = run_items(numbered(1), lambda _: value, 1, always, keep_values=True)
    assert (kept.done, kept.values) == ([], {})
    assert kept.failed[0].startswith("InvalidResult: the result is ")
    assert run_items(numbered(1), lambda _: value, 1, always).done == [0]


def test_the_largest_result_is_kept():
    value = "x" * (MAX_RESULT_BYTES - 2)
    assert run_items(numbered(1), lambda _: value, 1, always, keep_values=True).values == {0: value}


@pytest.mark.parametrize("concurrency", [1, 4])
def test_work_that_exits_fails_its_item_and_no_other(concurrency):
    def leave(item: dict) -> None:
        if item["value"] == 1:
            sys.exit(3)

    results = run_items(numbered(3), leave, concurrency, always)
    assert (sorted(results.done), results.failed) == ([0, 2], {1: "SystemExit: 3"})


def failing(error: Exception) -> Callable[[dict], None]:
    def process(item: dict) -> None:
        item["value"] = object()
        raise error

    return process


def test_an_error_is_cut_and_holds_nothing_that_a_service_refuses():
    results = run_items(numbered(1), failing(ValueError("\ud800" + "x" * 5000)), 1, always)
    assert results.failed[0] == "ValueError: ?" + "x" * (MAX_ERROR_LENGTH - len("ValueError: ?"))


def test_what_the_work_does_to_its_item_stays_out_of_the_record():
    items = numbered(1)
    run_items(items, failing(ValueError("no")), 1, always)
    assert items == numbered(1)


def test_work_is_the_time_in_which_at_least_one_item_is_processed():
    for concurrency, least in ((1, 120), (4, 30)):
        began = time.monotonic()
        results = run_items(numbered(4), lambda item: time.sleep(0.03), concurrency, always)
        assert least <= results.work_ms <= round((time.monotonic() - began) * 1000)
    assert run_items({}, fail_odd, 1, always).work_ms == 0
    assert run_items(numbered(1), fail_odd, 1, lambda longest: False).work_ms == 0
