"""The wall clock of this process: real time plus an offset that the engine and its functions' processes share.

Nothing but the standard library is imported here, because functions import this file too, by a link in their runtime's
folder. `sleep` and the monotonic clocks stay real.
"""

import datetime
import gc
import mmap
import time
from collections.abc import Callable, Sequence

SIZE = 8
REAL = {clock for name, clock in vars(time).items() if name.startswith("CLOCK_REALTIME")}
real_time, real_time_ns = time.time, time.time_ns
_clock_gettime, _clock_gettime_ns = time.clock_gettime, time.clock_gettime_ns
_gmtime, _localtime, _strftime, _asctime = time.gmtime, time.localtime, time.strftime, time.asctime


def follow_file(path: str) -> None:
    """Move this process's time by the offset in a file, which may change at any moment."""
    with open(path, "rb") as file:
        follow(memoryview(mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ)).cast("q"))


def follow(offset: Sequence[int]) -> None:
    """Move this process's time by the nanoseconds in `offset[0]`, which may change at any moment.

    Call it before anything reads the time, since a module may keep a function of `time` under its own name.
    """

    def time_ns() -> int:
        return real_time_ns() + offset[0]

    def now() -> float:
        return real_time() + offset[0] / 1e9

    def clock_gettime_ns(clk_id: int) -> int:
        return _clock_gettime_ns(clk_id) + (offset[0] if clk_id in REAL else 0)

    def clock_gettime(clk_id: int) -> float:
        return _clock_gettime(clk_id) + (offset[0] / 1e9 if clk_id in REAL else 0)

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
