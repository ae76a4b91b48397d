"""The command line as tests have it."""

import pytest

from rollcall.__main__ import run
from tests.unit.commands import Cli


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("run", "sqs")` is the exit code, stdout and stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return call
