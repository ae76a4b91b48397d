"""The wall clock of this process: running time plus an offset that the engine and its functions' processes share.

Running time is real time without the spans in which a debugger held the sandbox: it stands still meanwhile. Nothing but
the standard library is imported here, because functions import this file too, by a link in their runtime's folder.
`sleep` and the monotonic clocks stay real, but for a function's process that can be debugged (debuggee.py).

The shared memory, in nanoseconds: the offset; the sum of the past spans, or in a span, in one write, the negative
running time by the monotonic clock; the running time at which the present span began.
"""

import datetime
import gc
import mmap
import time
from collections.abc import Callable, MutableSequence

WORDS = 3
SIZE = 8 * WORDS
REAL = {clock for name, clock in vars(time).items() if name.startswith("CLOCK_REALTIME")}
real_time, real_time_ns, _monotonic_ns = time.time, time.time_ns, time.monotonic_ns
_clock_gettime, _clock_gettime_ns = time.clock_gettime, time.clock_gettime_ns
_gmtime, _localtime, _strftime, _asctime = time.gmtime, time.localtime, time.strftime, time.asctime

type Words = MutableSequence[int] | memoryview[int]


class Followed:
    """The clock of this process; until there is one to follow, real time."""

    words: Words = [0] * WORDS


def running_time_ns() -> int:
    """Real time, without the spans in which it was held."""
    words = Followed.words
    held = words[1]
    return real_time_ns() - held if held >= 0 else words[2]


def running_time() -> float:
    """The same in seconds."""
    return running_time_ns() / 1e9


def running_monotonic_ns() -> int:
    """The monotonic clock, without the spans in which it was held."""
    held = Followed.words[1]
    return _monotonic_ns() - held if held >= 0 else -held


def running_monotonic() -> float:
    """The same in seconds."""
    return running_monotonic_ns() / 1e9


def hold(shared: Words) -> None:
    """Let the clock stand still."""
    shared[2] = running_time_ns()
    shared[1] = -running_monotonic_ns()


def go_on(shared: Words) -> None:
    """Let the clock run again, from where it stands."""
    shared[1] += _monotonic_ns()


def follow_file(path: str) -> None:
    """Move this process's time as a file says, which may change at any moment."""
    with open(path, "rb") as file:
        follow(memoryview(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ)).cast("q"))


def follow(shared: Words) -> None:
    """Move this process's time as the shared memory says, which may change at any moment.

    Call it before anything reads the time, since a module may keep a function of `time` under its own name.
    """
    Followed.words = shared

    # Asked many times for each call of the engine: in one go.
    def time_ns() -> int:
        held = shared[1]
        return (real_time_ns() - held if held >= 0 else shared[2]) + shared[0]

    def now() -> float:
        held = shared[1]
        return real_time() + (shared[0] - held) / 1e9 if held >= 0 else (shared[2] + shared[0]) / 1e9

    def clock_gettime_ns(clk_id: int) -> int:
        return time_ns() if clk_id in REAL else _clock_gettime_ns(clk_id)

    def clock_gettime(clk_id: int) -> float:
        return now() if clk_id in REAL else _clock_gettime(clk_id)

    def moved_datetime(cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return cls.fromtimestamp(now(), tz)

    def moved_utc(cls: type[datetime.datetime]) -> datetime.datetime:
        return cls.fromtimestamp(now(), datetime.UTC).replace(tzinfo=None)

    replacements: dict[str, Callable[..., object]] = {
        "time": now,
        "time_ns": time_ns,
        "clock_gettime": clock_gettime,
        "clock_gettime_ns": clock_gettime_ns,
        "gmtime": lambda seconds=None: _gmtime(now() if seconds is None else seconds),
        "localtime": lambda seconds=None: _localtime(now() if seconds is None else seconds),
        "ctime": lambda seconds=None: _asctime(_localtime(now() if seconds is None else seconds)),
        "asctime": lambda t=None: _asctime(_localtime(now()) if t is None else t),
        "strftime": lambda format, t=None: _strftime(format, _localtime(now()) if t is None else t),
    }
    for name, replacement in replacements.items():
        # Like the function of C that it replaces, it does not become a method where it is an attribute of a class:
        # logging.Formatter.converter.
        setattr(time, name, staticmethod(replacement))
    # A subclass in the place of `datetime` would not be the type that C code checks for. `today` asks `time.time`.
    (methods,) = gc.get_referents(datetime.datetime.__dict__)
    methods |= {"now": classmethod(moved_datetime), "utcnow": classmethod(moved_utc)}
