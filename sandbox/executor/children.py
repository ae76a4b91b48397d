"""The engine's side of the warden: start a function's process, kill it, learn of its end."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.engine_loop import LOOP

WARDEN = Path(__file__).with_name("warden.py")
LAUNCHER = Path(__file__).with_name("launcher.py")
# The interpreter below the engine's virtual environment, without the packages of either.
PYTHON = [sys._base_executable, "-S", "-P"]  # type: ignore[attr-defined]
MESSAGE_SIZE = 4096


@dataclass(frozen=True)
class End:
    """`code` as subprocess has it: negative for a signal. `peak_bytes`: the most memory the process ever held."""

    code: int
    peak_bytes: int


@dataclass(frozen=True)
class Child:
    id: str
    pid: asyncio.Future[int] = field(default_factory=asyncio.Future)
    ended: asyncio.Future[End] = field(default_factory=asyncio.Future)


class Children:
    """Every function's process of this engine. To be used in the event loop's thread only."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._children: dict[str, Child] = {}

    async def start(
        self, id: str, environment: dict[str, str], cwd: Path, log_ends: list[int], data_limit: int
    ) -> Child:
        """Start a process that runs awslambdaric as `environment` says; `data_limit` bounds its address space."""
        order = {
            "start": id,
            "argv": [*PYTHON, str(LAUNCHER)],
            "env": environment,
            "cwd": str(cwd),
            "data_limit": data_limit,
        }
        child = self._children[id] = Child(id)
        socket.send_fds(self._warden(), [json.dumps(order).encode()], log_ends)
        await child.pid
        return child

    def kill(self, child: Child) -> None:
        """Kill the process, and with it everything that it started."""
        if not child.ended.done():
            self._warden().send(json.dumps({"kill": child.id}).encode())

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to the process and to what it started; nothing happens once it has ended."""
        if not child.ended.done():
            self._warden().send(json.dumps({"signal": child.id, "number": number}).encode())

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
        """Somebody has killed the warden, and so all its children: the next start gets a new one."""
        LOOP.remove_reader(warden)
        warden.close()
        self._socket = None
        lost, self._children = self._children, {}
        for child in lost.values():
            if not child.pid.done():
                child.pid.set_exception(ConnectionResetError("the warden of the functions' processes was killed"))
            child.ended.set_result(End(-signal.SIGKILL, 0))


CHILDREN = Children()
