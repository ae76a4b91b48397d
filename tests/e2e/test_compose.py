"""`docker compose up` alone: the sandbox with both stacks, whose functions reach this machine by a name."""

import os
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from bootstrap.aws import session
from sandbox.state import REPOSITORY, Sandbox
from tests.e2e.command_line import Rollcall
from tests.e2e.engines import free_port, kept, own_name
from tests.probes import eventually

pytestmark = pytest.mark.docker
ASKS = """
from urllib.request import urlopen
def handler(event, context):
    return urlopen(event["url"], timeout=5).read().decode()
"""


@pytest.fixture(scope="module")
def composed(engine: str) -> Iterator[Sandbox]:
    """What `docker compose up` starts."""
    if engine != "docker":
        pytest.skip("it is about Docker")
    name, port = own_name(), free_port()
    with kept("docker", name):
        compose(name, port, "up", "--detach", "--build")
        yield Sandbox("docker", port, name)


def compose(project: str, port: int, *words: str) -> str:
    """Run `docker compose`; returns what it prints on stdout."""
    done = subprocess.run(
        ["docker", "compose", "-p", project, *words],
        cwd=REPOSITORY, env={**os.environ, "ROLLCALL_PORT": str(port)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compose_alone_brings_stacks_that_run_batches_and_keeps_those_that_are_there(composed: Sandbox, tmp_path: Path):
    rollcall = Rollcall(composed, "", tmp_path)

    def deployed() -> None:
        form = "{{.Service}} {{.State}} {{.ExitCode}}"
        listed = compose(composed.project, composed.port, "ps", "--all", "--format", form)
        assert "stacks exited 0" in listed, compose(composed.project, composed.port, "logs", "stacks")

    eventually(deployed)
    for architecture in ("sqs", "sfn"):
        result = rollcall.json("run", architecture, "--items=20", "--items-per-chunk=5", "--max-value=0")
        assert (result["status"], result["succeeded"]) == ("SUCCEEDED", 20)
    before = stacks(composed)
    compose(composed.project, composed.port, "up", "--detach")
    eventually(deployed)
    assert stacks(composed) == before


def stacks(composed: Sandbox) -> list[tuple[str, object]]:
    found = session(composed.endpoint).client("cloudformation").describe_stacks()["Stacks"]
    return [(stack["StackId"], stack.get("LastUpdatedTime")) for stack in found]


def test_a_function_reaches_what_listens_on_dockers_bridge_by_the_name_of_the_host(composed: Sandbox, tmp_path: Path):
    command = ["exec", "-T", "sandbox", "getent", "hosts", "host.docker.internal"]
    gateway = compose(composed.project, composed.port, *command).split()[0]
    with HTTPServer((gateway, 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            assert asked(composed, tmp_path, f"http://host.docker.internal:{server.server_port}/") == '"from the host"'
        finally:
            server.shutdown()
    with socket.create_server(("127.0.0.1", 0)) as loopback:
        url = f"http://host.docker.internal:{loopback.getsockname()[1]}/"
        assert "Connection refused" in asked(composed, tmp_path, url)


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from the host")

    def log_message(self, *_: object) -> None:
        pass


def asked(composed: Sandbox, folder: Path, url: str) -> str:
    """What a function that asks the URL returns."""
    functions, name = session(composed.endpoint).client("lambda"), f"asks-{uuid.uuid4().hex[:8]}"
    with ZipFile(folder / "asks.zip", "w") as code:
        code.writestr("asks.py", ASKS)
    functions.create_function(
        FunctionName=name, Runtime="python3.13", Role="arn:aws:iam::000000000000:role/any", Handler="asks.handler",
        Code={"ZipFile": (folder / "asks.zip").read_bytes()}, Timeout=10,
    )  # fmt: skip
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    return functions.invoke(FunctionName=name, Payload=f'{{"url": "{url}"}}')["Payload"].read().decode()
