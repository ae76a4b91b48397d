"""The engine as a process of this machine (Linux, WSL): starts it detached, finds it, stops it with its children."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp

import psutil

from sandbox.settings import engine_environment
from sandbox.state import Sandbox, SandboxError, state_folder

MODULE = "sandbox.engine"
START_SECONDS = 60
STOP_SECONDS = 3


def environment(port: int, folder: Path, temporary: Path) -> dict[str, str]:
    """The engine's whole environment: no AWS settings, proxies or LocalStack profiles of the user."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        # Its own home, because boto3 and LocalStack would read ~/.aws and ~/.localstack.
        "HOME": str(folder),
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
        **engine_environment("127.0.0.1", port, folder / "engine"),
    }


def start(project: str, port: int, progress: Callable[[str], None]) -> Sandbox:
    """Start an engine in a session of its own and return once it is healthy.

    If it dies, or is not healthy within START_SECONDS, stops it and raises SandboxError with the end of its log.
    """
    folder = state_folder(project)
    _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    temporary = _make_temporary(folder)
    log = folder / "engine.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            env=environment(port, folder, temporary),
            cwd=folder,
            umask=0o077,  # functions inherit it: other users cannot read their files
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _record(project).write_text(f"{process.pid} {port}\n")
    sandbox = Sandbox("native", port, project)
    progress(f"starting the engine natively on {sandbox.endpoint} (pid {process.pid}, log {log})")
    deadline = time.monotonic() + START_SECONDS
    while not sandbox.healthy():
        if process.poll() is not None:
            _record(project).unlink()
            raise SandboxError(f"the engine ended with exit code {process.returncode} at its start:\n{tail(log)}")
        if time.monotonic() > deadline:
            stop(project)
            raise SandboxError(f"the engine was not healthy within {START_SECONDS} s and was stopped:\n{tail(log)}")
        time.sleep(0.02)
    return sandbox


def find(project: str) -> Sandbox | None:
    """The project's engine if its process is alive, healthy or not."""
    process, port = _engine(project)
    return Sandbox("native", port, project) if process else None


def stop(project: str) -> None:
    """End the project's engine, if it runs, and all its descendants."""
    process, _ = _engine(project)
    if process:
        family = [process, *process.children(recursive=True)]
        # An orderly end would wait for the engine's own long polls. A kill loses nothing, and the warden ends the rest.
        process.kill()
        _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for straggler in alive:
            straggler.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
    _record(project).unlink(missing_ok=True)
    _clear(state_folder(project))


def _make_temporary(folder: Path) -> Path:
    """Make the engine's folder for temporary files, private and with a short path: UNIX sockets allow 107 characters.

    `_clear` finds it by the link in `folder`.
    """
    temporary = Path(mkdtemp(prefix="rollcall-", dir="/tmp"))
    (folder / "tmp").symlink_to(temporary)
    return temporary


def _clear(folder: Path) -> None:
    """Remove the files of an engine that has ended, but not its log."""
    link = folder / "tmp"
    for part in (folder / "engine", link.resolve()):
        shutil.rmtree(part, ignore_errors=True)
    link.unlink(missing_ok=True)


def tail(log: Path, lines: int = 25) -> str:
    """The last `lines` lines of a log file."""
    # Only a line feed ends a line: the other characters that Python takes for an end may be part of a log line.
    return "\n".join(log.read_text(errors="replace", newline="").rstrip("\n").split("\n")[-lines:])


def _record(project: str) -> Path:
    return state_folder(project) / "engine.pid"


def _engine(project: str) -> tuple[psutil.Process | None, int]:
    """The recorded process and its port, if the process is still the engine of this project; else None."""
    try:
        pid, port = map(int, _record(project).read_text().split())
        process = psutil.Process(pid)
        # After a crash or a reboot another process may have the number; only our engine has our folder as its HOME.
        ours = MODULE in process.cmdline() and process.environ().get("HOME") == str(state_folder(project))
        return (process if ours else None), port
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None, 0
