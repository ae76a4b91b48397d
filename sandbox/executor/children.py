"""The engine's side of the wardens: starts, kills and signals the functions' processes, and learns of their ends."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.executor.environment import CodePackage
from sandbox.processes import LOOP

LAUNCHER = Path(__file__).with_name("launcher.py")
# The interpreter below the engine's virtual environment, without the packages of either.
PYTHON = [sys._base_executable, "-S", "-P"]  # type: ignore[attr-defined]
UNZIP = [*PYTHON, str(Path(__file__).with_name("unzip.py"))]
MESSAGE_SIZE = 4096


@dataclass(frozen=True)
class End:
    """The end of a process: `code` is negative for a signal, as in subprocess; `peak_bytes` is its most memory."""

    code: int
    peak_bytes: int


@dataclass(frozen=True)
class Child:
    id: str
    warden: "Warden"
    pid: asyncio.Future[int] = field(default_factory=asyncio.Future)
    ended: asyncio.Future[End] = field(default_factory=asyncio.Future)


class Children:
    """All functions' processes of this engine. For use in LOOP's thread only, but for `hold` and `release`.

    The warden of a package starts with the first environment. It ends when no version of a function has the package and
    no process of it is left.
    """

    def __init__(self) -> None:
        self._wardens: dict[CodePackage, Warden] = {}
        self._users: dict[str, CodePackage] = {}

    async def start(
        self, id: str, package: CodePackage, environment: dict[str, str], log_ends: list[int], data_limit: int
    ) -> Child:
        """Start a process that runs awslambdaric with `environment`; `data_limit` bounds its address space."""
        warden = self._wardens.get(package)
        if warden is None or warden.lost:
            warden = self._wardens[package] = Warden(package, self._end_unused)
        order = {"argv": [*PYTHON, str(LAUNCHER)], "env": environment, "cwd": str(package.task_root)}
        child = warden.start(id, order | {"data_limit": data_limit}, log_ends)
        await child.pid
        return child

    def kill(self, child: Child) -> None:
        """Kill the process and all processes that it started; no effect once it has ended."""
        child.warden.order(child, {"kill": child.id})

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to the process and to all that it has started; no effect once it has ended."""
        child.warden.order(child, {"signal": child.id, "number": number})

    def hold(self, package: CodePackage, user: str) -> None:
        """Keep the package's warden, once there is one, until `release`."""
        LOOP.call_soon_threadsafe(self._users.__setitem__, user, package)

    def release(self, user: str, seconds: float) -> None:
        """End the warden that `user` has held, so many seconds later, unless it has another user."""
        LOOP.call_soon_threadsafe(LOOP.call_later, seconds, self._release, user)

    def _release(self, user: str) -> None:
        if package := self._users.pop(user, None):
            self._end_unused(package)

    def _end_unused(self, package: CodePackage) -> None:
        warden = self._wardens.get(package)
        if warden and (warden.lost or (package not in self._users.values() and not warden.busy)):
            del self._wardens[package]
            warden.end()


class Warden:
    """The warden of one package, and its processes; `on_idle` is called when the last one of these has ended."""

    def __init__(self, package: CodePackage, on_idle: Any) -> None:
        self._package, self._on_idle = package, on_idle
        self._children: dict[str, Child] = {}
        self.lost = False
        self._socket, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        variables = package.variables()
        with end:
            # In a session of its own: Ctrl-C in the engine's terminal must not end it before the engine.
            subprocess.Popen(
                [*PYTHON, str(LAUNCHER), str(end.fileno()), variables["PYTHONPATH"]],
                env=variables | {"PYTHONPATH": variables["LAMBDA_RUNTIME_DIR"]},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[end.fileno()],
                start_new_session=True,
            )
        LOOP.add_reader(self._socket, self._on_report)

    @property
    def busy(self) -> bool:
        """Whether a process of the package runs."""
        return bool(self._children)

    def start(self, id: str, order: dict[str, Any], log_ends: list[int]) -> Child:
        """Order a new process. Its `pid` fails if the warden ends first."""
        child = self._children[id] = Child(id, self)
        socket.send_fds(self._socket, [json.dumps({"start": id, **order}).encode()], log_ends)
        return child

    def order(self, child: Child, order: dict[str, Any]) -> None:
        """Send an order about a process, unless it has ended."""
        if not child.ended.done():
            self._socket.send(json.dumps(order).encode())

    def end(self) -> None:
        """End the warden's process; it has no children any more."""
        if not self.lost:
            LOOP.remove_reader(self._socket)
            self._socket.close()

    def _on_report(self) -> None:
        message = self._socket.recv(MESSAGE_SIZE)
        if not message:
            self._on_lost()
            return
        report = json.loads(message)
        if "started" in report:
            self._children[report["started"]].pid.set_result(report["pid"])
        else:
            self._children.pop(report["ended"]).ended.set_result(End(report["code"], report["peak"]))
            if not self._children:
                self._on_idle(self._package)

    def _on_lost(self) -> None:
        """End all children: the warden was killed, and they with it. The next start gets a new warden."""
        self.end()
        self.lost = True
        lost, self._children = self._children, {}
        for child in lost.values():
            if not child.pid.done():
                child.pid.set_exception(ConnectionResetError("the warden of the functions' processes was killed"))
            child.ended.set_result(End(-signal.SIGKILL, 0))


CHILDREN = Children()
