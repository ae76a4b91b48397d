"""The native engine as a process: what it sees, what it leaves behind, and how its death is noticed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.host import control, native
from sandbox.state import Sandbox, SandboxError, state_folder
from tests.e2e.engines import free_port, native_engine, own_name
from tests.probes import eventually


@pytest.fixture(autouse=True)
def natively(engine: str) -> None:
    if engine != "native":
        pytest.skip("about the native engine")


def listener(port: int) -> psutil.Process:
    """The process that listens on `port`."""
    open_ports = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return psutil.Process(next(c.pid for c in open_ports if c.laddr.port == port))


def test_it_sees_nothing_of_the_users_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-real-secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("HOME", str(tmp_path))
    with native_engine() as started:
        seen = listener(started.port).environ()
    assert not [name for name in seen if name.startswith("AWS_") or name.endswith("PROXY")]
    assert seen["HOME"] != str(tmp_path), "boto3 would read ~/.aws there"


def test_stopping_leaves_no_process() -> None:
    with native_engine() as started:
        leader = listener(started.port)
        family = [leader, *leader.children(recursive=True)]
        control.stop(started.project)
        assert [process for process in family if process.is_running()] == []


def test_a_killed_engine_is_noticed_and_started_again() -> None:
    with native_engine() as started:
        os.kill(listener(started.port).pid, signal.SIGKILL)

        def gone() -> None:
            assert control.running(started.project) is None

        eventually(gone)
        assert control.start("native", started.port, started.project).healthy()


def test_a_number_that_went_to_another_process_is_not_taken_for_the_engine() -> None:
    with native_engine() as started:
        record = state_folder(started.project) / "engine.pid"
        mine = record.read_text()
        record.write_text(f"{os.getpid()} {started.port}\n")
        assert control.stop(started.project) is None, "this very test's process must not be stopped"
        record.write_text(mine)


def test_every_socket_of_it_listens_on_loopback_only(sandbox: Sandbox) -> None:
    leader = listener(sandbox.port)
    family = [leader, *leader.children(recursive=True)]
    listening = [c for process in family for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


def test_an_engine_that_dies_at_its_start_shows_the_end_of_its_log() -> None:
    name = own_name()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"(?s)ended with exit code 1.*{port}.*already in use"):
            native.start(name, port, progress=print)
    shutil.rmtree(state_folder(name))


def test_an_engine_whose_extension_cannot_be_imported_does_not_start(tmp_path: Path) -> None:
    port = free_port()
    broken = "import sys; sys.modules['sandbox.engine.hooks'] = None; from sandbox.engine.__main__ import main; main()"
    environment = native.environment(port, tmp_path, tmp_path)
    ended = subprocess.run([sys.executable, "-c", broken], env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "ModuleNotFoundError: import of sandbox.engine.hooks halted" in ended.stderr
