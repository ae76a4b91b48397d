"""The engine in a container, through the `docker` command: Compose v2 builds it from the lock, starts it, stops it."""

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable

from sandbox.state import REPOSITORY, Sandbox, SandboxError

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
SERVICE = "sandbox"


def missing() -> str | None:
    """Why Docker cannot be used here, in its own words; None if its engine and Compose v2 answer."""
    if not shutil.which("docker"):
        return "there is no `docker` command"
    for command, what in ((["info"], "no Docker engine answers"), (["compose", "version"], "Compose v2 is not there")):
        answer = subprocess.run(["docker", *command], capture_output=True, text=True)
        if answer.returncode:
            return f"{what} ({_last_line(answer.stderr)})"
    return None


def start(project: str, port: int, progress: Callable[[str], None]) -> Sandbox:
    """Build the image where its layers are not cached, start the container and return once it is healthy.

    Every line Compose prints goes to `progress`. Raises SandboxError with the last of them and the end of the
    engine's log; nothing is left running then.
    """
    command = _compose(project, "up", "--detach", "--build", "--wait")
    said: deque[str] = deque(maxlen=25)
    with subprocess.Popen(
        command,
        env={**os.environ, "ROLLCALL_PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as compose:
        for line in compose.stdout or ():
            said.append(line.rstrip())
            progress(line.rstrip())
    if compose.returncode:
        log = logs(project, 25)
        stop(project)
        raise SandboxError(f"`{' '.join(command)}` failed:\n" + "\n".join([*said, log]))
    return Sandbox("docker", port, project)


def find(project: str) -> Sandbox | None:
    """The project's container if it runs, healthy or not."""
    if not shutil.which("docker"):
        return None
    labels = (f"com.docker.compose.project={project}", f"com.docker.compose.service={SERVICE}")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    answer = subprocess.run(
        ["docker", "container", "ls", *filters, "--format", "{{.Ports}}"], capture_output=True, text=True
    )
    published = re.search(r"127\.0\.0\.1:(\d+)->", answer.stdout)
    return Sandbox("docker", int(published[1]), project) if published else None


def stop(project: str) -> None:
    """Remove the project's container and network; none is no error."""
    answer = subprocess.run(_compose(project, "down"), capture_output=True, text=True)
    if answer.returncode:
        raise SandboxError(f"`docker compose down` failed for {project}: {_last_line(answer.stderr)}")


def logs(project: str, lines: int) -> str:
    """The last `lines` lines of the engine's log."""
    command = _compose(project, "logs", "--no-color", "--no-log-prefix", "--tail", str(lines))
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    return said.replace("\x1b[2K", "").rstrip()  # Compose clears the line first, even where there is no terminal


def _compose(project: str, *words: str) -> list[str]:
    return ["docker", "compose", "-f", str(COMPOSE_FILE), "-p", project, *words]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
