"""The memory of a process and of all processes that it started, read from /proc."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
# Growth in bytes that is worth an exact measurement.
STEP = 4 * 1024 * 1024


class FamilyMemory:
    """Measures the family of the process `pid`; `peak` is the most bytes that it was found to hold.

    Processes share pages with the one that forked them, so a family is measured by its proportional set size. That
    takes a hundred times longer than its resident set sizes, whose sum counts shared pages several times. So it is
    measured only where that sum has grown, or is more than the `limit`.
    """

    def __init__(self, pid: int, limit: int):
        self.peak = 0
        self._pid = pid
        self._limit = limit
        self._most = 0

    def exceeds_limit(self) -> bool:
        """Measure; whether the family holds more than its limit now. False once it has ended."""
        family = family_of(self._pid)
        held = sum(map(resident_bytes, family))
        if len(family) > 1:
            if held <= min(self._most + STEP, self._limit):
                return False
            self._most = max(self._most, held)
            held = sum(_kilobytes(f"/proc/{member}/smaps_rollup", "Pss:") for member in family) * 1024
        self.peak = max(self.peak, held)
        return held > self._limit

    def main_process_exceeded_limit(self) -> bool:
        """Whether the process itself ever held more than the limit. The kernel keeps its peak, so none is missed."""
        peak = _kilobytes(f"/proc/{self._pid}/status", "VmHWM:") * 1024
        self.peak = max(self.peak, peak)
        return peak > self._limit

    def first_to_go(self) -> int:
        """The process that the kernel would kill: https://docs.kernel.org/filesystems/proc.html, oom_score."""
        return max(family_of(self._pid), key=lambda pid: (_number(f"/proc/{pid}/oom_score"), resident_bytes(pid)))


def family_of(pid: int) -> list[int]:
    """`pid` and every living process that it or one of its descendants started."""
    found = [pid]
    for parent in found:  # grows meanwhile
        try:
            tasks = list(Path(f"/proc/{parent}/task").iterdir())
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [int(child) for task in tasks for child in _words(task / "children")]
    return found


def resident_bytes(pid: int) -> int:
    """Memory that a process holds, shared pages included; 0 once it has ended."""
    words = _words(Path(f"/proc/{pid}/statm"))
    return int(words[1]) * PAGE if words else 0


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _number(path: str) -> int:
    words = _words(Path(path))
    return int(words[0]) if words else 0


def _kilobytes(path: str, field: str) -> int:
    words = _words(Path(path))
    return int(words[words.index(field) + 1]) if field in words else 0
