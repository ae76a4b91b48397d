"""A run of tests that is told to stop leaves no engine behind, and nothing that an engine has started."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.host import control
from sandbox.state import REPOSITORY, state_folder
from tests.probes import eventually

# Run by two workers, each with an engine that keeps a function's process.
ENDLESS = """
import pathlib, threading
import pytest
from tests.e2e.conftest import aws, engine, sandbox
from tests.e2e.executor_deploy import deploy

@pytest.mark.parametrize("worker", [1, 2])
def test_without_end(deploy, sandbox, worker):
    deploy("who").invoke()
    pathlib.Path(__file__).with_name(sandbox.project).touch()
    threading.Event().wait()
"""
RUN = """
import sys
from tests.suites import Runner, pytest
Runner().run_all([pytest("endless", *sys.argv[1:], "-p", "tests.conftest")])
"""


def lives(process: psutil.Process) -> bool:
    """Whether the process has not ended, be it waited for or not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def words(process: psutil.Process) -> str:
    """The process's command line; empty if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.parametrize("number", [pytest.param(signal.SIGTERM, marks=pytest.mark.docker), signal.SIGINT])
def test_a_run_that_is_told_to_stop_ends_its_engines(engine: str, tmp_path: Path, number: signal.Signals) -> None:
    module = tmp_path / "test_endless.py"
    module.write_text(ENDLESS)
    command = [sys.executable, "-c", RUN, engine, str(module)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:

        def up() -> list[str]:
            projects = [path.name for path in tmp_path.glob("rollcall-e2e-*")]
            assert len(projects) == 2
            return projects

        try:
            projects = eventually(up)
            started = psutil.Process(run.pid).children(recursive=True)
            functions = [process for process in started if "launcher.py" in words(process)]
        finally:
            run.send_signal(number)
        run.communicate()
    # Of each engine the warden of the function's package, and the function.
    assert engine == "docker" or len(functions) == 4

    def gone() -> None:
        assert [process for process in started if lives(process)] == []

    eventually(gone)
    assert [control.running(project) for project in projects] == [None, None]
    assert not any(state_folder(project).exists() for project in projects)
