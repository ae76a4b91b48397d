"""The memory of a process and of all processes that it started, read from /proc."""

import math
import os
import time
from itertools import pairwise
from typing import NamedTuple

PAGE = os.sysconf("SC_PAGE_SIZE")
# Growth in bytes that is worth an exact measurement.
STEP = 4 * 1024 * 1024
MEASURED = (b"Private_Clean:", b"Private_Dirty:", b"Pss:")
READ_SIZE = 65536  # more than any file that is read


class FamilyMemory:
    """Measures the family of the process `pid`; `peak` is the most bytes that it was found to hold.

    Processes share pages with the one that forked them. What the process `pid` shares with its warden counts as its
    own: elsewhere an environment has all that to itself. Of the others those pages count that they alone hold; or, if
    that is more, all count with the proportional set size, which pages shared with others make smaller. Both take a
    hundred times longer than resident set sizes, whose sum counts shared pages several times. So they are measured only
    where that sum has grown, or is more than the `limit`.
    """

    def __init__(self, pid: int, limit: int):
        self.peak = 0
        self.measured_at = -math.inf
        """When the family was measured last, by `time.monotonic`."""
        self._pid = pid
        self._limit = limit
        self._most = 0

    def exceeds_limit(self) -> bool:
        """Measure; whether the family holds more than its limit now. False once it has ended."""
        self.measured_at = time.monotonic()
        family = family_of(self._pid)
        held = sum(map(resident_bytes, family))
        if len(family) > 1:
            if held <= min(self._most + STEP, self._limit):
                return False
            self._most = max(self._most, held)
            first, *others = map(_shares, family)
            held = max(
                resident_bytes(self._pid) + sum(each.alone for each in others),
                sum(each.proportional for each in (first, *others)),
            )
        self.peak = max(self.peak, held)
        return held > self._limit

    def main_process_exceeded_limit(self) -> bool:
        """Whether the process itself ever held more than the limit. The kernel keeps its peak, so none is missed."""
        peak = _kilobytes(f"/proc/{self._pid}/status", b"VmHWM:") * 1024
        self.peak = max(self.peak, peak)
        return peak > self._limit

    def first_to_go(self) -> int:
        """The process that the kernel would kill: https://docs.kernel.org/filesystems/proc.html, oom_score."""
        return max(family_of(self._pid), key=lambda pid: (_number(f"/proc/{pid}/oom_score"), resident_bytes(pid)))


class Shares(NamedTuple):
    """Bytes of a process: those that it alone holds, and its proportional set size."""

    alone: int
    proportional: int


def family_of(pid: int) -> list[int]:
    """`pid` and every living process that it or one of its descendants started."""
    found = [pid]
    for parent in found:  # grows meanwhile
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [int(child) for task in tasks for child in _words(f"/proc/{parent}/task/{task}/children")]
    return found


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, shared pages included; 0 once it has ended."""
    words = _words(f"/proc/{pid}/statm")
    return int(words[1]) * PAGE if words else 0


def _words(path: str) -> list[bytes]:
    """The words of a file in /proc; none if its process has ended."""
    try:
        file = os.open(path, os.O_RDONLY)  # a file object would take as long as the kernel
    except (FileNotFoundError, ProcessLookupError):
        return []
    try:
        return os.read(file, READ_SIZE).split()
    except ProcessLookupError:
        return []
    finally:
        os.close(file)


def _shares(pid: int) -> Shares:
    words = _words(f"/proc/{pid}/smaps_rollup")
    found = {name: int(value) * 1024 for name, value in pairwise(words) if name in MEASURED}
    return Shares(found.get(b"Private_Clean:", 0) + found.get(b"Private_Dirty:", 0), found.get(b"Pss:", 0))


def _number(path: str) -> int:
    words = _words(path)
    return int(words[0]) if words else 0


def _kilobytes(path: str, field: bytes) -> int:
    words = _words(path)
    return int(words[words.index(field) + 1]) if field in words else 0
