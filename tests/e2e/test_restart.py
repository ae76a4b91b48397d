"""An engine that is stopped in mid-batch and started again: nothing of it lingers, and whole batches run anew."""

import io
import json
from contextlib import redirect_stdout

import pytest

from rollcall.__main__ import run
from sandbox.host import control
from tests.e2e.engines import ENGINES

pytestmark = pytest.mark.docker


def rollcall(*words: str) -> dict:
    """What a command prints with --json; it must end with exit code 0."""
    with redirect_stdout(io.StringIO()) as out:
        assert run([*words, "--json"]) == 0
    return json.loads(out.getvalue())


def test_a_restarted_engine_is_brought_up_again_and_runs_both_architectures(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ENGINES[engine]() as own:
        monkeypatch.setenv("ROLLCALL_PROJECT", own.project)
        monkeypatch.setenv("ROLLCALL_PORT", str(own.port))
        monkeypatch.setenv("ENGINE", engine)
        rollcall("up")
        rollcall("run", "sqs", "--items", "500", "--no-wait")
        control.stop(own.project)
        rollcall("up")
        assert rollcall("status")["batches"] == []
        for architecture in ("sqs", "sfn"):
            ended = rollcall("run", architecture, "--items", "200", "--max-value", "10")
            assert (ended["status"], ended["succeeded"]) == ("SUCCEEDED", 200)
