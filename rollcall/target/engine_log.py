"""The engine's log."""

import time
from pathlib import Path

from bootstrap.problem import Problem
from rollcall.terminal.console import stdout
from sandbox.host import control, docker
from sandbox.settings import DEFAULT_PORT
from sandbox.state import Sandbox

LINES = 200
POLL_SECONDS = 0.5


def print_engine_log(project: str, follow: bool) -> None:
    """Print the end of the engine's log; with `follow`, go on until Ctrl-C. The log of a dead native engine remains."""
    sandbox = control.running(project) or Sandbox("native", DEFAULT_PORT, project)
    if sandbox.log and not sandbox.log.exists():
        raise Problem(f"no engine of the sandbox {project} has left a log", "start one with `rollcall up`")
    if follow and not sandbox.log:
        for line in docker.follow(project, LINES):
            stdout.out(line)
        return
    position = sandbox.log.stat().st_size if sandbox.log else 0
    stdout.out(control.engine_log(sandbox, LINES))
    if follow and sandbox.log:
        follow_file(sandbox.log, position)


def follow_file(path: Path, position: int) -> None:
    """Print the file from `position` on, and everything that is added to it, for ever."""
    with path.open(errors="replace", newline="") as file:
        file.seek(position)
        while True:
            added = file.read()
            if added:
                stdout.out(added, end="")
            else:
                time.sleep(POLL_SECONDS)
