"""The engine's side of the warden: starts, kills and signals the functions' processes, and learns of their ends."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.processes import LOOP

WARDEN = Path(__file__).with_name("warden.py")
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
    pid: asyncio.Future[int] = field(default_factory=asyncio.Future)
    ended: asyncio.Future[End] = field(default_factory=asyncio.Future)


class Children:
    """All functions' processes of this engine. For use in LOOP's thread only."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._children: dict[str, Child] = {}

    async def start(
        self, id: str, environment: dict[str, str], cwd: Path, log_ends: list[int], data_limit: int
    ) -> Child:
        """Start a process that runs awslambdaric with `environment`; `data_limit` bounds its address space."""
        order = {"start": id, "argv": [*PYTHON, str(LAUNCHER)], "env": environment, "cwd": str(cwd)}
        child = self._children[id] = Child(id)
        socket.send_fds(self._warden(), [json.dumps(order | {"data_limit": data_limit}).encode()], log_ends)
        await child.pid
        return child

    def kill(self, child: Child) -> None:
        """Kill the process and all processes that it started; no effect once it has ended."""
        self._order(child, {"kill": child.id})

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to the process and to all that it has started; no effect once it has ended."""
        self._order(child, {"signal": child.id, "number": number})

    def _order(self, child: Child, order: dict[str, Any]) -> None:
        if not child.ended.done():
            self._warden().send(json.dumps(order).encode())

    def _warden(self) -> socket.socket:
        if self._socket is None:
            self._socket, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with end:
                # In a session of its own: Ctrl-C in the engine's terminal must not end it before the engine.
                subprocess.Popen(
                    [*PYTHON, str(WARDEN), str(end.fileno())],
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    pass_fds=[end.fileno()],
                    start_new_session=True,
                )
            LOOP.add_reader(self._socket, self._on_report, self._socket)
        return self._socket

    def _on_report(self, warden: socket.socket) -> None:
        message = warden.recv(MESSAGE_SIZE)
        if not message:
            self._on_warden_lost(warden)
            return
        report = json.loads(message)
        if "started" in report:
            self._children[report["started"]].pid.set_result(report["pid"])
        else:
            self._children.pop(report["ended"]).ended.set_result(End(report["code"], report["peak"]))

    def _on_warden_lost(self, warden: socket.socket) -> None:
        """End all children: the warden was killed, and they with it. The next start gets a new warden."""
        LOOP.remove_reader(warden)
        warden.close()
        self._socket = None
        lost, self._children = self._children, {}
        for child in lost.values():
            if not child.pid.done():
                child.pid.set_exception(ConnectionResetError("the warden of the functions' processes was killed"))
            child.ended.set_result(End(-signal.SIGKILL, 0))


CHILDREN = Children()
