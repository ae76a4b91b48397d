"""The engine's container has no rights to speak of."""

import json
import subprocess

import pytest

from sandbox.state import Sandbox

pytestmark = pytest.mark.docker


@pytest.fixture
def container(sandbox: Sandbox) -> dict:
    """What `docker inspect` says of the engine's container."""
    if sandbox.engine != "docker":
        pytest.skip("about the engine's container")
    name = subprocess.check_output(["docker", "ps", "-q", "--filter", f"publish={sandbox.port}"], text=True).strip()
    return json.loads(subprocess.check_output(["docker", "inspect", name]))[0]


def test_it_is_not_root_and_cannot_become_root(container: dict) -> None:
    assert container["Config"]["User"] not in ("", "0", "root")
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert not container["HostConfig"]["Privileged"]
    assert "no-new-privileges:true" in container["HostConfig"]["SecurityOpt"]


def test_it_has_nothing_of_the_machine_and_no_docker_socket(container: dict) -> None:
    assert container["Mounts"] == []
    assert container["HostConfig"]["ReadonlyRootfs"]


def test_its_port_is_published_on_loopback_only(container: dict, sandbox: Sandbox) -> None:
    published = [binding for bindings in container["NetworkSettings"]["Ports"].values() for binding in bindings or []]
    assert published == [{"HostIp": "127.0.0.1", "HostPort": str(sandbox.port)}]


def test_it_takes_no_more_of_the_machine_than_it_says(container: dict) -> None:
    limits = container["HostConfig"]
    assert (limits["Memory"], limits["PidsLimit"]) == (6 * 2**30, 4096)
    assert "size=2g" in limits["Tmpfs"]["/tmp"].split(",")
