"""An engine that nobody else uses, for one run."""

import shutil
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from sandbox.host import control, native
from sandbox.state import Sandbox, state_folder


@contextmanager
def own_engine(progress: Callable[[str], None]) -> Iterator[Sandbox]:
    """Start an engine natively under a name and port of its own; it is stopped at the end, whatever happens.

    Its log stays when something fails. Raises SandboxError.
    """
    project = f"rollcall-bench-{uuid.uuid4().hex[:8]}"
    try:
        yield control.start(control.choose_engine("native"), free_port(), project, progress)
    finally:
        progress("stopping the engine")
        control.stop(project)
    shutil.rmtree(state_folder(project))


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def peak_memory_mb() -> float:
    """The most memory (RSS) the engine that this process started ever had, in MB, without the functions' processes."""
    [engine] = [child for child in psutil.Process().children() if native.MODULE in child.cmdline()]
    status = Path(f"/proc/{engine.pid}/status").read_text()
    [peak] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024 / 1e6
