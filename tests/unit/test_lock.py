"""One command at a time deploys to a sandbox: who holds it is told, and one that died holds nothing."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from bootstrap.lock import deploying, lock_file
from bootstrap.problem import Problem
from sandbox.state import REPOSITORY
from tests.probes import eventually

HOLD = """
import sys
from bootstrap.lock import deploying
with deploying(*sys.argv[1:]):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def project() -> Iterator[str]:
    """The name of a sandbox that no other test has."""
    name = f"lock-{uuid.uuid4().hex[:8]}"
    yield name
    for each in (name, f"{name}-2"):
        shutil.rmtree(lock_file(each).parent, ignore_errors=True)


def holding(command: str, project: str) -> subprocess.Popen[str]:
    """Another process that deploys to the sandbox."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, command, project],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(
    ("command", "end"),
    [("rollcall dev", "end it with Ctrl-C in its window"), ("rollcall up", "wait until it has ended")],
)
def test_a_second_deployment_is_refused_with_who_holds_the_sandbox_and_what_to_do(project: str, command: str, end: str):
    with holding(command, project) as other:
        with pytest.raises(Problem) as refused, deploying("rollcall up", project):
            pass
        said = (
            rf"rollcall up cannot deploy to the sandbox '{project}': {command} \(process {other.pid}, since .*\) does"
        )
        assert refused.match(said)
        assert refused.value.hint == f"{end}, then try again"
        with deploying("rollcall up", f"{project}-2"):
            pass
        other.communicate("\n")


def test_a_command_that_was_killed_leaves_no_lock(project: str):
    with holding("rollcall dev", project) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()

    def take() -> None:
        with deploying("rollcall up", project):
            pass

    eventually(take, timeout=2, retry_on=Problem)
