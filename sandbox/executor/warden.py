"""The process that starts the functions' processes and ends all of them, with all processes that these start.

It is a small single-threaded program of its own. So starting a process copies none of the engine's memory, and the
warden outlives an engine that is killed, and then ends all processes. A process that a dead environment leaves behind
becomes the warden's child (PR_SET_CHILD_SUBREAPER), however it detached itself, and the warden kills it.

Run as `python -S -P warden.py SOCKET_FD`. Each message on the socket is one JSON object.
Orders: {"start": id, "argv": [...], "env": {...}, "cwd": path, "data_limit": bytes} with the ends of the two log
pipes, {"kill": id}, and {"signal": id, "number": n}, which goes to the process and all that it has started.
Reports: {"started": id, "pid": n} and {"ended": id, "code": n, "peak": bytes}.
"""

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
from collections import deque
from collections.abc import Collection

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MESSAGE_SIZE = 256 * 1024
OPEN_FILES = 1024  # AWS's quota of file descriptors
FRAMES_FD = 3

prctl = ctypes.CDLL(None).prctl


class Warden:
    def __init__(self, engine: socket.socket) -> None:
        self._engine = engine
        self._environments: dict[int, str] = {}  # by process id
        self._reports: deque[dict[str, str | int]] = deque()
        self._wake, wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the wake-up pipe

    def serve(self) -> None:
        """Obey and report until the engine has ended; then end every process."""
        engine = self._engine.fileno()
        serving = True
        while serving:
            waiting = [engine] if self._reports else []
            readable, writable, _ = select.select([engine, self._wake], waiting, [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._collect()
            if writable:
                self._engine.send(json.dumps(self._reports.popleft()).encode())
            if engine in readable:
                serving = self._obey()
        while _kill_children():
            os.wait()

    def _obey(self) -> bool:
        message, log_ends, _, _ = socket.recv_fds(self._engine, MESSAGE_SIZE, 2)
        if not message:
            return False
        order = json.loads(message)
        if "kill" in order or "signal" in order:
            for pid, environment in self._environments.items():
                # This process has not waited for it yet, so no other process has its id.
                if environment == order.get("kill"):
                    os.kill(pid, signal.SIGKILL)
                elif environment == order.get("signal"):
                    _signal_family(pid, order["number"])
            return True
        pid = os.fork()
        if pid == 0:
            _become(order, log_ends)
        for end in log_ends:
            os.close(end)
        self._environments[pid] = order["start"]
        self._reports.append({"started": order["start"], "pid": pid})
        return True

    def _collect(self) -> None:
        """Report the environments that have ended, and kill the processes that they leave behind."""
        try:
            while (ended := os.wait4(-1, os.WNOHANG))[0]:
                pid, status, usage = ended
                if environment := self._environments.pop(pid, None):
                    code = os.waitstatus_to_exitcode(status)
                    self._reports.append({"ended": environment, "code": code, "peak": usage.ru_maxrss * 1024})
        except ChildProcessError:
            return  # no process is left
        _kill_children(self._environments.keys())


def _signal_family(pid: int, number: int) -> None:
    """Send a signal to a process, then to all that it has started: one that is stopped starts no more."""
    family = [pid]
    for each in family:  # grows meanwhile
        try:
            os.kill(each, number)
            family += _children(each)
        except (ProcessLookupError, FileNotFoundError):
            continue  # it has ended meanwhile


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as children:
            found += map(int, children.read().split())
    return found


def _kill_children(spared: Collection[int] = ()) -> bool:
    """Kill this process's children but `spared`; whether there was one. Their children then become its own."""
    doomed = [child for child in _children(os.getpid()) if child not in spared]
    for child in doomed:
        os.kill(child, signal.SIGKILL)
    return bool(doomed)


def _become(order: dict, log_ends: list[int]) -> None:
    """Turn this new process into the environment, with its limits, and bind its life to the warden's."""
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The function's orphans stay its descendants while it lives, because their memory counts as its own.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        os.setsid()
        open_files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (order["data_limit"], order["data_limit"]))
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        output, frames = (fcntl.fcntl(end, fcntl.F_DUPFD, FRAMES_FD + 1) for end in log_ends)  # out of their own way
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(frames, FRAMES_FD)
        os.closerange(FRAMES_FD + 1, open_files)
        os.chdir(order["cwd"])
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606  a shell would be one more process
    except (OSError, ValueError, TypeError) as error:  # ValueError: a NUL, a name with `=`, invalid UTF-8
        os.write(2, f"The environment could not start: {error}\n".encode())
    finally:
        os._exit(127)


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[1]), False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    Warden(socket.socket(fileno=int(sys.argv[1]))).serve()
