"""The example's work: what a CSV file says as text is understood, or told with what was found."""

import time

import pytest

from handlers.work import is_true, milliseconds, process


@pytest.mark.parametrize("value", [False, None, "", "False", "false", "0", 0, "no", " off ", "null"])
def test_an_item_that_says_no_does_not_fail(value):
    process({"id": "a", "fail": value, "value": "0"})


@pytest.mark.parametrize("value", [True, "True", "true", "1", 1, "yes"])
def test_an_item_that_says_yes_fails(value):
    with pytest.raises(ValueError, match="made to fail"):
        process({"id": "a", "fail": value})


@pytest.mark.parametrize("value", ["perhaps", 2, "nein", [], 0.5])
def test_what_is_neither_yes_nor_no_is_told(value):
    with pytest.raises(ValueError, match=r"fail: .* must be true or false, or left empty"):
        is_true(value, "fail")


@pytest.mark.parametrize(
    ("value", "expected"), [(None, 0), ("", 0), (" ", 0), ("null", 0), (5, 5), ("5", 5), (" 2.5 ", 2.5), ("1e2", 100)]
)
def test_a_value_is_milliseconds_and_nothing_is_none(value, expected):
    assert milliseconds(value) == expected


@pytest.mark.parametrize("value", ["12,5", "abc", "-5", -5, "nan", "inf", 10**400, True, [], "900001"])
def test_another_value_is_told_with_what_was_expected(value):
    with pytest.raises(ValueError, match=r"value: .* must be milliseconds, a number from 0 to 900,000, or left empty"):
        milliseconds(value)


def test_an_item_of_no_milliseconds_does_not_sleep(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    process({"id": "a", "value": 0})
    assert slept == []
    process({"id": "a", "value": 5})
    assert slept == [0.005]
