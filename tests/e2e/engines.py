"""Engines that tests start for themselves, under names and on ports that nobody else uses."""

import random
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import CalledProcessError

import pytest
from testcontainers.compose import DockerCompose

from sandbox.host import control
from sandbox.state import REPOSITORY, Sandbox
from tests.e2e.keeper import remove


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
def kept(engine: str, project: str) -> Iterator[None]:
    """The project's sandbox is stopped at the end of the context, or of this process, however that ends."""
    command = [sys.executable, "-m", "tests.e2e.keeper", engine, project]
    # In a session of its own: Ctrl-C must not end it before the sandbox.
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as keeper:
        try:
            yield
        finally:
            remove(engine, project)
        keeper.communicate(b"stopped")


@contextmanager
def native_engine() -> Iterator[Sandbox]:
    """An engine of its own on this machine, stopped at the end."""
    name = own_name()
    with kept("native", name):
        yield control.start("native", free_port(), name)


@contextmanager
def docker_engine() -> Iterator[Sandbox]:
    """The shipped compose file under a name and port of its own, through testcontainers; removed at the end."""
    name, port = own_name(), free_port()
    with pytest.MonkeyPatch.context() as environment, kept("docker", name):
        environment.setenv("COMPOSE_PROJECT_NAME", name)
        environment.setenv("ROLLCALL_PORT", str(port))
        sandbox = Sandbox("docker", port, name)
        try:
            DockerCompose(REPOSITORY, build=True, wait=True, services=["sandbox"]).start()
        except CalledProcessError as failure:
            failure.add_note(control.engine_log(sandbox))  # Compose says only that the container exited
            raise
        yield sandbox


ENGINES = {"native": native_engine, "docker": docker_engine}
