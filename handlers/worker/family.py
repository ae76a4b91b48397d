"""A process and all processes that it has started: tied to their parent, measured, ended."""

import ctypes
import os
import signal
import socket
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")
# The first to go where memory is short: https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
FIRST_TO_GO = "1000"

prctl = ctypes.CDLL(None).prctl


def adopt_orphans() -> None:
    """A process whose parent ends becomes this process's child, however it has detached itself."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def tie_to_parent(parent: int) -> None:
    """End this process with its `parent`, and before it where memory is short. It gets a process group of its own."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it ended before it could be told
    os.setpgid(0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)


def let_go_of_connections() -> None:
    """Leave the connections that the parent has open to it: nothing that is written here reaches a service.

    Their numbers stay taken, since objects that are copies of the parent's will close them.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in [int(os.path.basename(path)) for path in files_below("/proc/self/fd")]:
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
            if connection.family in (socket.AF_INET, socket.AF_INET6):
                os.dup2(nowhere, number, inheritable=False)
    os.close(nowhere)


def end(leader: int, spared: Collection[int]) -> int:
    """Kill a child of this process, its group, and all that it has started; returns its exit code as in subprocess.

    Returns when all of them have ended. `spared` are this process's other children.
    """
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(leader, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(leader, 0)[1])
    # What the group did not have has become this process's child. Those that it has started then follow it.
    while left := set(children_of(os.getpid())) - set(spared):
        for child in left:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return code


def let_go(spared: Collection[int]) -> None:
    """Let the kernel forget the adopted processes that have ended. `spared` are the children that others wait for."""
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, look)) and ended.si_pid not in spared:
            os.waitpid(ended.si_pid, 0)


def count_threads(pid: int) -> int:
    return sum(1 for _ in files_below(f"/proc/{pid}/task"))


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has started, or adopted, and not waited for; none where the kernel does not tell."""
    found: list[int] = []
    for task in files_below(f"/proc/{pid}/task"):
        with suppress(OSError):
            found += map(int, Path(task, "children").read_text().split())
    return found


def files_below(folder: str) -> Iterator[str]:
    with suppress(OSError):
        yield from (entry.path for entry in os.scandir(folder))


def held_bytes(pids: Collection[int], enough: int) -> int:
    """The memory that processes, and all that they have started, hold together.

    They share pages, and to tell which takes long. So pages are counted once for each process as long as that makes no
    more than `enough`.
    """
    family = list(pids)
    for pid in family:  # grows meanwhile
        family += (child for child in children_of(pid) if child not in family)
    most = sum(resident_bytes(pid) for pid in family)
    return most if most <= enough else sum(map(proportional_bytes, family))


def resident_bytes(pid: int) -> int:
    words = words_of(f"/proc/{pid}/statm")
    return int(words[1]) * PAGE if words else 0


def proportional_bytes(pid: int) -> int:
    """A process's memory, with each page that it shares divided among those that share it."""
    words = words_of(f"/proc/{pid}/smaps_rollup")
    return int(words[words.index("Pss:") + 1]) * 1024 if "Pss:" in words else 0


def words_of(path: str) -> list[str]:
    try:
        return Path(path).read_text().split()
    except OSError:  # it has ended
        return []
