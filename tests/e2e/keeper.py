"""Ends a sandbox that tests started, however they end: `python -m tests.e2e.keeper native|docker PROJECT`.

It waits for the end of its standard input, whose other end only the tests' process has. The kernel closes that end even
if the process is killed. A word on it says that the sandbox is stopped already.
"""

import shutil
import subprocess
import sys
from contextlib import suppress

import psutil

from sandbox.host import control, docker
from sandbox.state import state_folder


def remove(engine: str, project: str) -> None:
    """Stop the project's sandbox, if it is up, and remove what it leaves behind."""
    if engine == "docker":
        end_compose(project)
    control.ENGINES[engine].stop(project)
    shutil.rmtree(state_folder(project), ignore_errors=True)
    if engine == "docker":
        # Compose names an image after its project, and this name is used once. It was built if anything ran.
        images = [f"{project}-{service}" for service in docker.SERVICES]
        subprocess.run(["docker", "image", "rm", *images], capture_output=True)


def end_compose(project: str) -> None:
    """Kill a Compose that still starts the project: nobody waits for it any more."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("COMPOSE_PROJECT_NAME") == project:
                process.kill()


if __name__ == "__main__":
    if not sys.stdin.read():
        remove(*sys.argv[1:])
