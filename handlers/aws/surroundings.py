"""Restores what `process` may have changed in its whole process, once the items are through.

Restored: the standard streams and their descriptors, environment variables, the working directory, umask, signal
handlers and timers, `logging`'s loggers and switches, warning filters, sys.path, locale, recursion limit, garbage
collection, the sockets' default timeout. Not: patched modules, threads, resource limits, the state of `random`.
"""

import gc
import io
import locale
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from handlers.aws.telemetry import logger

STREAMS = {1: "stdout", 2: "stderr"}
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


@contextmanager
def put_back() -> Iterator[None]:
    """Restore the process as it was before the block. Raises nothing of its own."""
    with warnings.catch_warnings():
        before = [(restore, attempt(read)) for read, restore in KEPT]
        # An interrupt that `process` has asked for could come up anywhere in the rest of the invocation.
        attempt(signal.signal, signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            for restore, value in before:
                if value is not None:
                    attempt(restore, value)


def attempt(call: Callable[..., Any], *arguments: Any) -> Any:
    """The call's return value; None, with a log line, if it raises."""
    try:
        return call(*arguments)
    except Exception:  # noqa: BLE001 - one value that cannot be restored must not keep the others from it
        logger.exception("not put back", what=call.__name__)
        return None


def read_streams() -> dict[int, tuple[int, Any]]:
    """Descriptor -> a copy of it, which stays open if the original is closed, and the stream that writes to it."""
    return {number: (os.dup(number), getattr(sys, name)) for number, name in STREAMS.items()}


def restore_streams(before: dict[int, tuple[int, Any]]) -> None:
    for number, (copy, stream) in before.items():
        if not is_same_file(number, copy):
            # The number of a closed descriptor is soon that of a connection.
            os.dup2(copy, number)
        os.close(copy)
        setattr(sys, STREAMS[number], stream if is_open(stream) else reopened(number))


def reopened(number: int) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.FileIO(number, "w", closefd=False), errors="replace", write_through=True)


def is_same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


def is_open(stream: Any) -> bool:
    try:
        return not stream.closed
    except (AttributeError, ValueError):
        return not isinstance(stream, io.TextIOBase)


def restore_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def read_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def read_signals() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def restore_signals(before: dict[int, Any]) -> None:
    # The timers first: one that goes off now would call the earlier handler, which may end the process.
    for timer in TIMERS:
        if signal.getitimer(timer)[0]:
            signal.setitimer(timer, 0)
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) != handler:
            signal.signal(number, handler)


def known_loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in list(known) if isinstance(logger, logging.Logger))]


def read_logging() -> tuple[Any, ...]:
    loggers = [
        (one, one.level, one.disabled, one.propagate, one.handlers[:], one.filters[:]) for one in known_loggers()
    ]
    return logging.root.manager.disable, logging.getLogRecordFactory(), loggers


def restore_logging(before: tuple[Any, ...]) -> None:
    disabled_level, factory, loggers = before
    logging.disable(disabled_level)
    logging.setLogRecordFactory(factory)
    for one, level, disabled, propagate, handlers, filters in loggers:
        if one.level != level:
            one.setLevel(level)
        one.disabled, one.propagate = disabled, propagate
        one.handlers[:], one.filters[:] = handlers, filters


def restore_path(before: list[str]) -> None:
    sys.path[:] = before


def restore_locale(before: str) -> None:
    if locale.setlocale(locale.LC_ALL) != before:
        locale.setlocale(locale.LC_ALL, before)


# How to read and how to restore each. The streams first, because failures to restore the others are logged to them.
KEPT: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
    (read_streams, restore_streams),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (read_signals, restore_signals),
    (lambda: dict(os.environ), restore_environment),
    (os.getcwd, os.chdir),
    (read_umask, os.umask),
    (read_logging, restore_logging),
    (lambda: sys.path[:], restore_path),
    (lambda: locale.setlocale(locale.LC_ALL), restore_locale),
    (gc.isenabled, lambda before: (gc.enable if before else gc.disable)()),
    (lambda: (socket.getdefaulttimeout(),), lambda before: socket.setdefaulttimeout(*before)),
]
