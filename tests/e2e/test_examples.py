"""The work folders in examples/: the tests of each pass in both architectures."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from rollcall.testing.stacks import suffix_of
from sandbox.state import REPOSITORY, Sandbox

pytestmark = pytest.mark.usefixtures("real_time")

FOLDERS = sorted(path for path in (REPOSITORY / "examples").iterdir() if path.is_dir())


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def folder(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Path]:
    """An example; the stacks of its tests are deleted at the end."""
    yield request.param
    destroy(session(sandbox.endpoint), suffix_of(request.param))


def test_the_tests_of_an_example_pass(sandbox: Sandbox, folder: Path):
    where = {"ROLLCALL_PORT": str(sandbox.port), "ROLLCALL_PROJECT": sandbox.project}
    done = subprocess.run(
        [sys.executable, "-m", "rollcall", "test", str(folder), "--", "-q"],
        env=os.environ | where,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
