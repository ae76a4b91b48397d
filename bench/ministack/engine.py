"""MiniStack as a process of this machine, for one run of the bench or of tests/portability."""

import ctypes
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from bench.engine import Engine, free_port
from bootstrap.problem import Problem
from sandbox.host.native import tail
from sandbox.state import REPOSITORY, SandboxError, state_folder

VERSION = "1.5.33"
# `make bench` and `make portability` install it here, from requirements.txt, and mark that they could.
PLACE = REPOSITORY / ".rollcall" / "ministack"
INSTALLED = PLACE / ".installed"
START_SECONDS = 60
STOP_SECONDS = 3
# https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
PR_SET_PDEATHSIG = 1
prctl = ctypes.CDLL(None).prctl


def require_installed() -> None:
    """Raise Problem if MiniStack is not installed."""
    if not INSTALLED.exists():
        raise Problem(
            "MiniStack is not installed",
            "`make bench` and `make portability` install it, with a network; `make bench ALONE=1` does without it",
        )


def environment(port: int, folder: Path) -> dict[str, str]:
    """MiniStack's whole environment: nothing of the user's, least of all AWS settings, and no Docker."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        # It would look for containers of its own there, and stop them.
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # As quiet as Rollcall's engine. Its default writes several lines for each invocation.
        "LOG_LEVEL": "WARNING",
        # Its default ends warm environments after 5 minutes, which may pass between two batches.
        "LAMBDA_WARM_TTL_SECONDS": "3600",
    }


@contextmanager
def ministack(progress: Callable[[str], None]) -> Iterator[Engine]:
    """Start MiniStack on a loopback port of its own, and stop it and its functions at the end in any case.

    Its log is kept if something fails. Raises SandboxError if it does not start.
    """
    folder = state_folder(f"rollcall-ministack-{os.getpid()}")
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    port, log = free_port(), folder / "engine.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PLACE / "bin" / "python", "-m", "ministack"],
            env=environment(port, folder),
            cwd=folder,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # It ends with this process, even if that is killed, and its functions with it.
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509  # a call of the kernel's only
        )
    try:
        progress(f"starting MiniStack on 127.0.0.1:{port} (pid {process.pid}, log {log})")
        _wait_until_healthy(process, port, log)
        yield Engine("MiniStack", f"http://127.0.0.1:{port}", psutil.Process(process.pid), log)
    finally:
        progress("stopping MiniStack")
        _end(process)
    # Each environment has had the function's code and layers unpacked for itself: tens of thousands of files.
    progress("removing the files of MiniStack's functions")
    shutil.rmtree(folder)


def _wait_until_healthy(process: subprocess.Popen, port: int, log: Path) -> None:
    """Raises SandboxError if it does not answer in time, or is another version: the workarounds are for this one."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        # Not urllib: it would send this to a configured proxy.
        failures = (OSError, http.client.HTTPException)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection, suppress(*failures):
            connection.request("GET", "/_ministack/health")
            version = json.loads(connection.getresponse().read())["version"]
            if version == VERSION:
                return
            raise SandboxError(
                f"this is MiniStack {version}, and what works round its faults is for {VERSION}: remove {INSTALLED}, "
                "and `make bench` or `make portability` installs that"
            )
        time.sleep(0.02)
    raise SandboxError(f"MiniStack did not start within {START_SECONDS} s:\n{tail(log)}")


def _end(process: subprocess.Popen) -> None:
    family = []
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    for function in family:
        with suppress(psutil.NoSuchProcess):
            function.kill()
    psutil.wait_procs(family, timeout=STOP_SECONDS)
