"""The command line as tests have it."""

import pytest
from hypothesis import settings

from rollcall.__main__ import run
from tests.unit.commands import Cli

# How long an example takes says nothing on a machine that runs other tests beside it.
settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("run", "sqs")` is the exit code, stdout and stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return call
