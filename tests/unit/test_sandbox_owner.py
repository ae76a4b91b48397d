"""Whose engine a command may use: this checkout's, one whose port was asked for, never another user's."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.host import control
from sandbox.settings import DEFAULT_PORT
from sandbox.socket_owners import foreign_owner
from sandbox.state import UNKNOWN, Sandbox, SandboxError
from tests.strangers import UID, as_root, assert_nobody_came, connected, listening, port_of
from tests.unit.commands import Cli, refused

ROOT = Path(__file__).parents[2]
PROJECT = "nobody"


@as_root
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"])
def test_a_listener_of_another_user_is_known(address: str) -> None:
    with listening(address) as listener:
        assert foreign_owner(port_of(listener)) == UID


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_listener_of_ones_own_is_not_foreign(address: str) -> None:
    with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as own:
        assert foreign_owner(port_of(own)) is None


@as_root
def test_only_the_listener_that_would_be_reached_counts() -> None:
    with listening("127.0.0.1", uid=0) as own, listening("::", port_of(own), only_ipv6=True):
        assert foreign_owner(port_of(own)) is None
    with listening("127.0.0.2") as elsewhere:
        assert foreign_owner(port_of(elsewhere)) is None


@as_root
def test_a_socket_that_does_not_listen_is_no_listener() -> None:
    with listening() as listener, connected(listener) as connection:
        assert foreign_owner(port_of(connection)) is None


def test_where_nothing_listens_nothing_is_said() -> None:
    assert foreign_owner(9) is None


COMMANDS = [
    ["status"],
    ["status", "b"],
    ["run", "sqs"],
    ["run", "sfn", "--input", "items.jsonl"],
    ["watch", "b"],
    ["cancel", "b"],
    ["redrive", "b"],
    ["failures", "b"],
    ["logs"],
    ["trigger", "sqs"],
    ["bill", "b"],
    ["meter"],
    ["faults", "show"],
    ["faults", "clear"],
    ["dev"],
    ["tune", "--items", "10", "--apply"],
]


@as_root
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_uses_an_engine_of_another_user(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "items.jsonl").write_text('{"id": "secret"}\n')
    with listening() as listener:
        port = str(port_of(listener))
        refused(cli(*words, "--port", port, "--project", PROJECT), f"port {port}", f"uid {UID}", "ROLLCALL_PORT")
        assert_nobody_came(listener)


@as_root
@pytest.mark.parametrize("command", ["up", "demo"])
def test_no_engine_is_started_where_another_user_listens(cli: Cli, command: str) -> None:
    with listening() as listener:
        code, _, err = cli(command, "--engine=native", f"--port={port_of(listener)}", f"--project={PROJECT}")
        assert code == 2
        assert f"port {port_of(listener)} is not free" in err
        assert_nobody_came(listener)


@as_root
def test_who_takes_the_port_while_the_engine_starts_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []
    with listening() as listener:
        port = port_of(listener)
        monkeypatch.setattr(control, "_refuse_taken_port", lambda port: None)
        monkeypatch.setattr(control.native, "start", lambda project, port, say: Sandbox("native", port, project))
        monkeypatch.setattr(control, "stop", stopped.append)
        with pytest.raises(SandboxError, match=f"port {port} .*uid {UID}"):
            control.start("native", port, PROJECT)
    assert stopped == [PROJECT]


def bootstrap(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bootstrap", *words],
        cwd=ROOT,
        env={**os.environ, "ROLLCALL_PROJECT": PROJECT, "ROLLCALL_PORT": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@as_root
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_bootstrap_uses_no_engine_of_another_user(host: str) -> None:
    with listening() as listener:
        port = port_of(listener)
        for ended in (
            bootstrap("deploy", "--endpoint", f"http://{host}:{port}"),
            bootstrap("destroy", ROLLCALL_PORT=str(port)),
        ):
            assert (ended.returncode, ended.stdout) == (2, "")
            assert f"port {port} on 127.0.0.1 belongs to another user" in ended.stderr
        assert_nobody_came(listener)


def test_what_listens_on_the_usual_port_is_used_only_if_asked_for(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_PORT", raising=False)
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Where it is taken, something listens there already.
        with suppress(OSError):
            usual.bind(("127.0.0.1", DEFAULT_PORT))
            usual.listen()
        assert control.find(PROJECT, None) is None
        asked = control.find(PROJECT, DEFAULT_PORT)
        assert asked
        assert (asked.engine, asked.port) == (UNKNOWN, DEFAULT_PORT)
        refused(cli("status", f"--project={PROJECT}"), "no sandbox 'nobody' of this checkout is running", "rollcall up")
        ended = bootstrap("deploy")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("no sandbox 'nobody' of this checkout is running: start it with `rollcall up`")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:4566", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[bad"]
)
def test_an_endpoint_that_is_no_url_is_refused(url: str) -> None:
    ended = bootstrap("deploy", "--endpoint", url)
    assert ended.returncode == 2
    assert f"argument --endpoint: {url!r} is not a URL" in ended.stderr
