"""Memory of a process and of everything it started, read from /proc."""

import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Memory that `pid` and its descendants hold now: 0 once it is gone.

    Descendants share pages with the process that forked them, so a family is measured by its proportional set size; a
    process alone by its resident set size, which costs a hundredth.
    """
    descendants = descendants_of(pid)
    if not descendants:
        return _resident(pid)
    return sum(_proportional(member) for member in [pid, *descendants])


def peak_bytes(pid: int) -> int:
    """The most memory that `pid` itself ever held: the kernel keeps it, so no peak is missed. 0 once it is gone."""
    return _field(f"/proc/{pid}/status", "VmHWM:")


def descendants_of(pid: int) -> list[int]:
    """Every living process that `pid` or one of its descendants started."""
    found: list[int] = []
    unseen = [pid]
    while unseen:
        children = _children(unseen.pop())
        found += children
        unseen += children
    return found


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in _words(task / "children")]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _resident(pid: int) -> int:
    words = _words(Path(f"/proc/{pid}/statm"))
    return int(words[1]) * PAGE if words else 0


def _proportional(pid: int) -> int:
    return _field(f"/proc/{pid}/smaps_rollup", "Pss:")


def _field(path: str, name: str) -> int:
    words = _words(Path(path))
    return int(words[words.index(name) + 1]) * 1024 if name in words else 0
