"""Waiting for states in tests: no test sleeps a fixed time and hopes."""

import time
from collections.abc import Callable


def eventually[T](
    check: Callable[[], T],
    timeout: float = 60.0,
    interval: float = 0.1,
    retry_on: type[Exception] = AssertionError,
) -> T:
    """Call `check` until it raises no `retry_on` and return its result.

    After `timeout` seconds its last error is raised. Any other exception, such as a state from which there is no way
    to the expected one, ends the wait at once.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return check()
        except retry_on:
            if time.monotonic() > deadline:
                raise
        time.sleep(interval)


def consistently(check: Callable[[], object], during: float = 2.0, interval: float = 0.1) -> None:
    """Call `check` again and again for `during` seconds: its AssertionError is raised as soon as it fails once."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        check()
        time.sleep(interval)
