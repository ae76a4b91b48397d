"""The process from which a package's environments are forked, and which ends them, with all that these start.

One for each code with its layers. It is single-threaded, has imported the libraries that the package imports, and
nothing of the package itself: a new environment has them already, and shares their memory. The warden outlives an
engine that is killed, and then ends all processes. A process that a dead environment leaves behind becomes the warden's
child (PR_SET_CHILD_SUBREAPER), however it detached itself, and the warden kills it.

launcher.py runs it. Each message on the socket is one JSON object.
Orders: {"start": id, "argv": [...], "env": {...}, "cwd": path, "data_limit": bytes} with the ends of the two log
pipes, {"kill": id}, and {"signal": id, "number": n}, which goes to the process and all that it has started. `argv`
starts the environment anew, where it cannot be forked.
Reports: {"started": id, "pid": n} and {"ended": id, "code": n, "peak": bytes}.
"""

import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Collection
from pathlib import Path

from rollcall_preload import preload, same_start

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MESSAGE_SIZE = 256 * 1024
OPEN_FILES = 1024  # AWS's quota of file descriptors
FRAMES_FD = 3
BEHIND_ENGINE = 5  # niceness, where the kernel shares the processor among threads

prctl = ctypes.CDLL(None).prctl


def serve(engine: int, path: str) -> bool:
    """Be the warden of LAMBDA_TASK_ROOT's package, with the engine on this socket. True in each new environment.

    `path` is the environments' PYTHONPATH: the layers, then the runtime. The warden began without the layers, whose
    modules might stand in for its own.
    """
    os.set_inheritable(engine, False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.environ["PYTHONPATH"] = path
    *layers, runtime = path.split(os.pathsep)
    forks = preload(Path(os.environ["LAMBDA_TASK_ROOT"]), layers, Path(runtime))
    gc.collect()
    gc.freeze()  # a collection in an environment leaves the objects of the warden in the memory that they share
    return Warden(socket.socket(fileno=engine), forks).serve()


class Warden:
    def __init__(self, engine: socket.socket, forks: bool) -> None:
        self._engine, self._forks = engine, forks
        self._environments: dict[int, str] = {}  # by process id
        self._reports: deque[dict[str, str | int]] = deque()
        self._wake, wake_end = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler nothing is written to the wake-up pipe

    def serve(self) -> bool:
        """Obey and report until the engine has ended; then end every process. True in each new environment."""
        engine = self._engine.fileno()
        while True:
            waiting = [engine] if self._reports else []
            readable, writable, _ = select.select([engine, self._wake], waiting, [])
            if self._wake in readable:
                os.read(self._wake, 4096)
                self._collect()
            if writable:
                self._engine.send(json.dumps(self._reports.popleft()).encode())
            if engine in readable:
                message, log_ends, _, _ = socket.recv_fds(self._engine, MESSAGE_SIZE, 2)
                if not message:
                    break
                order = json.loads(message)
                if "start" not in order:
                    self._pass_on(order)
                elif self._start(order, log_ends):
                    return True
        while _kill_children():
            os.wait()
        return False

    def _pass_on(self, order: dict) -> None:
        """Kill or signal an environment, unless it has ended."""
        for pid, environment in self._environments.items():
            # This process has not waited for it yet, so no other process has its id.
            if environment == order.get("kill"):
                os.kill(pid, signal.SIGKILL)
            elif environment == order.get("signal"):
                _signal_family(pid, order["number"])

    def _start(self, order: dict, log_ends: list[int]) -> bool:
        """Fork an environment. True in its process."""
        pid = os.fork()
        if pid == 0:
            self._engine.detach()  # closed with all the others
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(order, log_ends, self._forks and same_start(order["env"]))
            return True
        for end in log_ends:
            os.close(end)
        self._environments[pid] = order["start"]
        self._reports.append({"started": order["start"], "pid": pid})
        return False

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


def _become(order: dict, log_ends: list[int], forked: bool) -> None:
    """Turn this new process into the environment, with its limits, and bind its life to the warden's.

    Returns if the environment goes on in this process. Else a new program begins.
    """
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The function's orphans stay its descendants while it lives, because their memory counts as its own.
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        # No session: a kernel shares the processor among sessions first, and the engine, which all wait for, is one.
        os.setpgid(0, 0)
        os.nice(BEHIND_ENGINE)
        open_files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (order["data_limit"], order["data_limit"]))
        output, frames = (fcntl.fcntl(end, fcntl.F_DUPFD, FRAMES_FD + 1) for end in log_ends)  # out of their own way
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(frames, FRAMES_FD)
        os.closerange(FRAMES_FD + 1, open_files)
        os.chdir(order["cwd"])
        if not forked:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606  a shell would be one more process
        os.environ.clear()
        os.environ.update(order["env"])
    except (OSError, ValueError, TypeError) as error:  # ValueError: a NUL, a name with `=`, invalid UTF-8
        os.write(2, f"The environment could not start: {error}\n".encode())
        os._exit(127)
    time.tzset()
    if processes := sys.modules.get("multiprocessing.process"):
        # It was made when the warden imported the module, and is to be this environment's own.
        processes.current_process().authkey = os.urandom(32)
