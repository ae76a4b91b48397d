"""An engine of the bench's own, for one run, and what its processes use."""

import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from sandbox.host import control, native
from sandbox.state import Sandbox, state_folder

BENCH_PROJECT = "rollcall-bench"


@contextmanager
def own_engine(progress: Callable[[str], None]) -> Iterator[Sandbox]:
    """Start an engine natively under a name and port of its own, and stop it at the end in any case.

    Its log is kept if something fails. Raises SandboxError.
    """
    project = f"{BENCH_PROJECT}-{uuid.uuid4().hex[:8]}"
    try:
        yield control.start(control.choose_engine("native"), free_port(), project, progress)
    finally:
        progress("stopping the engine")
        control.stop(project)
    shutil.rmtree(state_folder(project))


def free_port() -> int:
    """A loopback port on which no process listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cpu(NamedTuple):
    """CPU seconds since an engine's start: of its own process, and of all processes that it has started."""

    engine: float
    functions: float

    def since(self, before: "Cpu") -> "Cpu":
        """The difference."""
        return Cpu(self.engine - before.engine, self.functions - before.functions)


@dataclass(frozen=True)
class Engine:
    """A running engine."""

    name: str
    endpoint: str
    process: psutil.Process
    log: Path | None

    def cpu(self) -> Cpu:
        """What its processes have used, those that have ended too."""
        own = self.process.cpu_times()
        functions = own.children_user + own.children_system
        for each in self.process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it ends meanwhile, and is counted in its parent's children
                times = each.cpu_times()
                functions += times.user + times.system + times.children_user + times.children_system
        return Cpu(own.user + own.system, functions)

    def memory_mb(self, figure: str = "VmRSS") -> float:
        """The memory in MB of its own process, without the functions': `VmRSS` now, `VmHWM` at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith(f"{figure}:")]
        return int(line.split()[1]) * 1024 / 1e6


def engine_of(sandbox: Sandbox) -> Engine:
    """The engine that this process started."""
    [process] = [child for child in psutil.Process().children() if native.MODULE in child.cmdline()]
    return Engine("Rollcall", sandbox.endpoint, process, sandbox.log)
