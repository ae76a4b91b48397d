"""An engine of the bench's own, for one run."""

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
    """Start an engine natively under a name and port of its own, and stop it at the end in any case.

    Its log is kept if something fails. Raises SandboxError.
    """
    project = f"rollcall-bench-{uuid.uuid4().hex[:8]}"
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


def peak_memory_mb() -> float:
    """The peak memory (RSS) in MB of the engine that this process started, without the functions' processes."""
    [engine] = [child for child in psutil.Process().children() if native.MODULE in child.cmdline()]
    status = Path(f"/proc/{engine.pid}/status").read_text()
    [peak] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peak.split()[1]) * 1024 / 1e6
