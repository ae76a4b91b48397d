"""Ten viewers cost the engine one look, and no look is repeated too soon."""

import threading
from collections.abc import Callable

import pytest

from bootstrap.problem import Problem
from rollcall.console.looks import SHARE, SLOWEST, Looks, Pace


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def counted(value: Callable[[int], object] = lambda number: number) -> Callable[[], object]:
    """A look that tells how often it was made."""
    numbers = iter(range(1, 1000))
    return lambda: value(next(numbers))


def test_viewers_share_a_look_until_it_is_due_again(time: Time):
    looks, see = Looks(Pace(1.0), time), counted()
    assert [looks.at("home", see).value for _ in range(10)] == [1] * 10
    time.now += 0.99
    assert looks.at("home", see).value == 1
    time.now += 0.02
    assert [looks.at("home", see).value for _ in range(10)] == [2] * 10
    assert looks.count == 2


def test_viewers_who_come_at_the_same_time_wait_for_one_look(time: Time):
    looks, inside, go_on = Looks(Pace(1.0), time), threading.Event(), threading.Event()

    def see() -> str:
        inside.set()
        assert go_on.wait(10)
        return "seen"

    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(looks.at("home", see).value)) for _ in range(10)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == ["seen"] * 10
    assert looks.count == 1


def test_while_a_look_is_made_the_one_before_is_shown(time: Time):
    looks, inside, go_on = Looks(Pace(1.0), time), threading.Event(), threading.Event()
    assert looks.at("home", lambda: "old").value == "old"
    time.now += 2

    def see() -> str:
        inside.set()
        assert go_on.wait(10)
        return "new"

    thread = threading.Thread(target=lambda: looks.at("home", see))
    thread.start()
    assert inside.wait(10)
    assert looks.at("home", lambda: "another").value == "old"
    go_on.set()
    thread.join(10)
    assert looks.at("home", lambda: "another").value == "new"


def test_a_look_that_takes_long_is_made_seldom(time: Time):
    looks = Looks(Pace(1.0), time)

    def slow() -> float:
        time.now += 1.5
        return time.now

    first = looks.at("home", slow).value
    time.now += 1.5 / SHARE - 0.1
    assert looks.at("home", slow).value == first
    time.now += 0.2
    assert looks.at("home", slow).value > first


def test_on_aws_looks_that_find_nothing_new_become_seldom_and_news_makes_them_frequent_again(time: Time):
    looks = Looks(Pace(15.0, backs_off=True), time)
    pauses = []
    for value in ["same"] * 8 + ["new"]:
        look = looks.at("home", lambda value=value: value)
        pauses.append(look.next_at - time.now)
        time.now = look.next_at
    assert pauses[:3] == [15.0, 22.5, 33.75]
    assert max(pauses) == pauses[7] == 15.0 * SLOWEST
    assert pauses[8] == 15.0


def test_a_look_that_fails_says_why_and_keeps_what_was_seen(time: Time):
    looks = Looks(Pace(1.0), time)
    looks.at("home", lambda: "seen")
    time.now += 2

    def fail() -> None:
        raise Problem("the engine does not answer")

    look = looks.at("home", fail)
    assert (look.value, look.error) == ("seen", "the engine does not answer")
    time.now += 2
    assert looks.at("home", lambda: "again").error is None


def test_after_an_action_everything_is_looked_at_anew(time: Time):
    looks, see = Looks(Pace(100.0), time), counted()
    looks.at("home", see)
    looks.due_at_once()
    assert looks.at("home", see).value == 2
