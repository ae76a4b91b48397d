"""Engines that tests start for themselves, under names and on ports that nobody else uses."""

import random
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import CalledProcessError

import pytest
from testcontainers.compose import DockerCompose

from sandbox.host import control
from sandbox.state import REPOSITORY, Sandbox, state_folder


def own_name() -> str:
    """A project name no other run uses."""
    return f"rollcall-e2e-{uuid.uuid4().hex[:8]}"


def free_port() -> int:
    """A loopback port that nobody listens on at this moment.

    It is below those that Linux gives outgoing connections, which would take it before the engine is up.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return probe.getsockname()[1]


@contextmanager
def native_engine() -> Iterator[Sandbox]:
    """An engine of its own on this machine, stopped at the end."""
    name = own_name()
    try:
        yield control.start("native", free_port(), name)
    finally:
        control.stop(name)
        shutil.rmtree(state_folder(name), ignore_errors=True)


@contextmanager
def docker_engine() -> Iterator[Sandbox]:
    """The shipped compose file under a name and port of its own, through testcontainers; removed at the end."""
    name, port = own_name(), free_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COMPOSE_PROJECT_NAME", name)
        environment.setenv("ROLLCALL_PORT", str(port))
        compose, sandbox = DockerCompose(REPOSITORY, build=True, wait=True), Sandbox("docker", port, name)
        try:
            compose.start()
            yield sandbox
        except CalledProcessError as failure:
            failure.add_note(control.engine_log(sandbox))  # Compose says only that the container exited
            raise
        finally:
            compose.stop()
            # Compose names an image after its project, and this name is used once. It was built if anything ran.
            subprocess.run(["docker", "image", "rm", f"{name}-sandbox"], capture_output=True)


ENGINES = {"native": native_engine, "docker": docker_engine}
