"""`rollcall dev --debug` with a real client of the debugger's protocol: it stops in `process`, and all time with it."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.deploy import deploy
from bootstrap.destroy import destroy
from rollcall.commands.new import make
from rollcall.target.connection import Connection
from rollcall.target.debugger import BEFORE, functions_of, leave, variables_of
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.e2e.command_line import Rollcall
from tests.e2e.dap import DapClient
from tests.e2e.engines import free_port
from tests.e2e.stacks import QUICK
from tests.probes import consistently, eventually

pytestmark = pytest.mark.usefixtures("real_time")
ITEMS = 4
WORK = f"""
import time

def items(request):
    return [{{"id": number}} for number in range({ITEMS})]

def process(item):
    left = time.monotonic()
    print("at work on", item["id"])
    return left
"""
LINE = WORK.splitlines().index('    print("at work on", item["id"])') + 1
# Lambda's shortest here; a stop that is longer would end the function, and the message would come again.
TIMEOUT_SECONDS = int(QUICK["FunctionTimeout"])


class Dev:
    """`rollcall dev --debug` as a process, with what it prints."""

    def __init__(self, rollcall: Rollcall, work: Path):
        self.port = free_port()
        words = [*rollcall.place, f"--work={work}", "--debug", f"--debug-port={self.port}"]
        self.log = work.parent / "dev.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rollcall", "dev", *words],
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C as at a terminal: see tests/e2e/command_line.py.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    def says(self, text: str, times: int = 1) -> None:
        """Wait until it has said this."""

        def look() -> None:
            printed = self.log.read_text()
            assert self.process.poll() is None, printed
            assert printed.count(text) >= times, printed

        eventually(look)

    def end(self) -> str:
        """Press Ctrl-C; returns all that it has printed."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        return self.log.read_text()


@pytest.fixture(scope="module")
def connection(sandbox: Sandbox) -> Iterator[Connection]:
    if sandbox.engine == "docker":
        pytest.skip("a debugger needs the native engine")
    suffix = f"Debug{uuid.uuid4().hex[:6]}"
    yield Connection(session(sandbox.endpoint), suffix, sandbox.endpoint, sandbox.engine)
    destroy(session(sandbox.endpoint), suffix)


@pytest.fixture(scope="module")
def work(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("debug") / "work"
    make(folder)
    (folder / "work.py").write_text(WORK)
    (folder / "source.py").write_text(WORK)
    settings = QUICK | {"ItemConcurrency": "4"}
    deploy(connection.session, ("sqs", "sfn"), settings, suffix=connection.suffix, work=folder)
    return folder


@pytest.fixture
def rollcall(sandbox: Sandbox, connection: Connection, tmp_path: Path) -> Rollcall:
    return Rollcall(sandbox, connection.suffix, tmp_path)


@pytest.fixture
def dev(rollcall: Rollcall, work: Path) -> Iterator[Dev]:
    running = Dev(rollcall, work)
    running.says("waiting for VS Code")
    yield running
    running.end()


def stops(client: DapClient, number: int) -> dict[str, Any]:
    """Wait for a stop; returns where it is."""
    thread = client.event("stopped", number)["threadId"]
    [frame] = client.ask("stackTrace", threadId=thread, levels=1)["stackFrames"]
    return frame | {"thread": thread}


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_a_debugger_stops_each_item_alone_and_holds_every_timeout(
    architecture: str, rollcall: Rollcall, dev: Dev, work: Path, clock: Clock
):
    with DapClient(dev.port) as root:
        root.attach({}, connect={"host": "127.0.0.1", "port": dev.port})
        dev.says("the debugger is attached")
        rollcall.json("run", architecture, "--no-wait", f"--batch-id=stopped-{architecture}", "--items-per-chunk=2")
        child = root.event("debugpyAttach")
        with DapClient(child["connect"]["port"]) as client:
            client.attach({work / "work.py": [LINE]}, **child)
            frame = stops(client, 0)
            assert (frame["source"]["path"], frame["line"], frame["name"]) == (str(work / "work.py"), LINE, "process")
            stood = clock.show()
            assert stood["standsStill"]
            consistently(lambda: stand_still(clock, stood), during=TIMEOUT_SECONDS + 1)
            for number in range(1, ITEMS):
                client.ask("continue", threadId=frame["thread"])
                frame = stops(client, number)
            client.breakpoints(work / "work.py", [])
            client.ask("continue", threadId=frame["thread"])
            result = rollcall.json("watch", f"stopped-{architecture}")
        assert (result["status"], result["succeeded"]) == ("SUCCEEDED", ITEMS)
        assert not clock.show()["standsStill"]
        assert len([heard for heard in root.heard if heard.get("event") == "debugpyAttach"]) == 1
        dev.says("at work on", ITEMS)


def test_an_edit_joins_the_debugger_that_is_attached_and_a_debugger_that_leaves_holds_nothing(
    rollcall: Rollcall, connection: Connection, dev: Dev, work: Path, clock: Clock
):
    before = [variables_of(connection, name) for pair in functions_of(connection) for name in pair]
    with DapClient(dev.port) as root:
        root.attach({}, connect={"host": "127.0.0.1", "port": dev.port})
        dev.says("the debugger is attached")
        (work / "work.py").write_text(WORK.replace("at work on", "once more"))
        dev.says("live in")
        rollcall.json("run", "sqs", "--no-wait", "--batch-id=edited", "--items-per-chunk=2")
        child = root.event("debugpyAttach")
        with DapClient(child["connect"]["port"]) as client:
            client.attach({work / "work.py": [LINE]}, **child)
            stops(client, 0)
        result = rollcall.json("watch", "edited")
        assert (result["status"], result["succeeded"]) == ("SUCCEEDED", ITEMS)
        assert not clock.show()["standsStill"]
    dev.says("the debugger is detached")
    assert [variables_of(connection, name) for pair in functions_of(connection) for name in pair] == before
    dev.says("once more", ITEMS)


def test_what_a_web_page_sends_to_the_debuggers_port_attaches_and_runs_nothing(dev: Dev, tmp_path: Path):
    trace = tmp_path / "ran"
    expression = f"open({str(trace)!r}, 'w')"
    # The debugger takes the headers of HTTP for its own, so each body is one message, and ends with its connection.
    for command, arguments in (
        ("initialize", {"adapterID": "debugpy"}),
        ("attach", {"connect": {"host": "127.0.0.1", "port": dev.port}}),
        ("evaluate", {"expression": expression, "context": "repl"}),
        ("setDebuggerProperty", {}),
        ("disconnect", {"terminateDebuggee": True}),
    ):
        body = json.dumps({"seq": 1, "type": "request", "command": command, "arguments": arguments})
        page = HTTPConnection("127.0.0.1", dev.port, timeout=10)
        with suppress(HTTPException, OSError):  # the connection ends, perhaps before all is sent
            page.request("POST", "/", body, {"Origin": "https://example.com", "Content-Type": "text/plain"})
            page.getresponse()
        page.close()
    with DapClient(dev.port) as root:
        root.attach({}, connect={"host": "127.0.0.1", "port": dev.port})
        dev.says("the debugger is attached")
    assert dev.log.read_text().count("the debugger is attached") == 1
    assert not trace.exists()


def test_processors_go_on_without_a_debugger_that_was_killed(rollcall: Rollcall, connection: Connection, dev: Dev):
    with DapClient(dev.port) as root:
        root.attach({}, connect={"host": "127.0.0.1", "port": dev.port})
        dev.says("the debugger is attached")
        dev.process.kill()
        dev.process.wait()
    result = rollcall.json("run", "sqs", "--batch-id=alone", "--items-per-chunk=2")
    assert (result["status"], result["succeeded"]) == ("SUCCEEDED", ITEMS)
    assert any(BEFORE in variables_of(connection, name) for pair in functions_of(connection) for name in pair)
    leave(connection)  # as the next `rollcall dev` does
    assert not any(BEFORE in variables_of(connection, name) for pair in functions_of(connection) for name in pair)


def stand_still(clock: Clock, stood: dict[str, Any]) -> None:
    assert clock.show()["now"] == stood["now"]
