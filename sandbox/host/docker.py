"""The engine in a container, through the `docker` command: Compose v2 builds it from the lock, starts it, stops it."""

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.host.build_failures import build_failure
from sandbox.state import REPOSITORY, Sandbox, SandboxError

COMPOSE_FILE = REPOSITORY / "docker-compose.yml"
SERVICE = "sandbox"
# Those of which Compose builds an image, named PROJECT-SERVICE.
SERVICES = {SERVICE, "stacks"}


def missing() -> str | None:
    """The reason why Docker cannot be used here, in its own words; None if its engine and Compose v2 answer."""
    if not shutil.which("docker"):
        return "there is no `docker` command"
    for words, lack in ((["info"], "no Docker engine answers"), (["compose", "version"], "Compose v2 is not there")):
        answer = _ask(["docker", *words])
        if answer.returncode:
            return f"{lack} ({_last_line(answer.stderr)})"
    return None


def start(project: str, port: int, progress: Callable[[str], None]) -> Sandbox:
    """Build the image unless it is cached, start the container and return once it is healthy.

    `progress` gets every line that Compose prints. Raises SandboxError if the project is another checkout's, and
    BuildFailed if the image cannot be built. If the start fails, stops the container and raises SandboxError with the
    last lines of Compose and of the engine's log.
    """
    _refuse_another_checkouts(project)
    command = _compose(project, "up", "--detach", "--build", "--wait", SERVICE)
    last: deque[str] = deque(maxlen=25)
    with _started(command, {**os.environ, "ROLLCALL_PORT": str(port)}) as compose:
        for line in _lines(compose):
            last.append(line)
            progress(line)
    if compose.returncode:
        if failure := build_failure(last):
            raise failure
        log = logs(project, 25)
        stop(project)
        raise SandboxError(f"`{' '.join(command)}` failed:\n" + "\n".join([*last, log]))
    return Sandbox("docker", port, project)


def find(project: str) -> Sandbox | None:
    """The project's container if this checkout started it and it runs, healthy or not."""
    for folder, ports in _containers(project) if shutil.which("docker") else ():
        published = re.search(r"127\.0\.0\.1:(\d+)->", ports)
        if published and folder == str(REPOSITORY):
            return Sandbox("docker", int(published[1]), project)
    return None


def stop(project: str) -> None:
    """Remove the project's container and network, if there are any."""
    answer = _ask(_compose(project, "down"))
    if answer.returncode:
        raise SandboxError(f"`docker compose down` failed for {project}: {_last_line(answer.stderr)}")


def projects() -> set[str]:
    """The projects of this checkout that have containers, whether they run or not."""
    row = '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.project.working_dir"}}'
    kept = _ask(["docker", "container", "ls", "--all", "--format", row]).stdout.splitlines()
    return {name for name, _, folder in (line.partition("\t") for line in kept) if folder == str(REPOSITORY)}


def images() -> dict[str, list[str]]:
    """The images of every project that Compose has built, by their names."""
    found = _ask(["docker", "image", "ls", "--format", "{{.Repository}}"]).stdout.split()
    made: dict[str, list[str]] = {}
    for image in found:
        project, _, service = image.rpartition("-")
        if service in SERVICES:
            made.setdefault(project, []).append(image)
    return made


def remove_images(project: str) -> None:
    """Remove what is left of the project: containers, network, images. Raises SandboxError if it is another's."""
    _refuse_another_checkouts(project)
    answer = _ask(_compose(project, "down", "--rmi", "local"))
    if answer.returncode:
        raise SandboxError(f"the images of {project} cannot be removed: {_last_line(answer.stderr)}")


def logs(project: str, lines: int) -> str:
    """The last `lines` lines of the engine's log."""
    return "\n".join(_log_lines(project, lines)).rstrip()


def follow(project: str, lines: int) -> Iterator[str]:
    """The last `lines` lines of the engine's log and all new ones, until the container ends."""
    return _log_lines(project, lines, "--follow")


def _log_lines(project: str, lines: int, *more: str) -> Iterator[str]:
    command = _compose(project, "logs", "--no-color", "--no-log-prefix", "--tail", str(lines), *more)
    with _started(command) as compose:
        try:
            yield from _lines(compose)
        finally:
            compose.terminate()


def _containers(project: str, *more: str) -> Iterator[tuple[str, str]]:
    """For each running container with that name, the folder of the checkout that started it, and its ports."""
    labels = (f"com.docker.compose.project={project}", f"com.docker.compose.service={SERVICE}")
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    row = '{{.Label "com.docker.compose.project.working_dir"}}\t{{.Ports}}'
    for line in _ask(["docker", "container", "ls", *more, *filters, "--format", row]).stdout.splitlines():
        folder, _, ports = line.partition("\t")
        yield str(Path(folder).resolve()) if folder else "an unknown folder", ports


def _refuse_another_checkouts(project: str) -> None:
    # A stopped container counts too: Compose would replace it by ours.
    for folder, _ in _containers(project, "--all"):
        if folder != str(REPOSITORY):
            raise SandboxError(
                f"there is a container of the sandbox {project!r} already, started from another checkout, {folder}: "
                f"remove it (`docker compose -p {project} down`), or give this one another ROLLCALL_PROJECT"
            )


def _ask(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)


def _started(command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    for line in process.stdout or ():
        # Compose clears a line before it writes it, even without a terminal.
        yield line.decode(errors="replace").replace("\x1b[2K", "").rstrip()


def _compose(project: str, *words: str) -> list[str]:
    return ["docker", "compose", "-f", str(COMPOSE_FILE), "-p", project, *words]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
