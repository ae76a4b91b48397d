"""The command line, against the sandbox under test.

It is a process of its own where the process matters: its signals, its pipes, its environment.
"""

import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from rollcall.__main__ import run
from sandbox.state import REPOSITORY, Sandbox
from tests.e2e.stacks import Stacks

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])
# A batch that has something left when it is stopped: an EXPRESS child hears of that after 5 seconds at most.
STOPPED = 120
LASTING = (f"--items={STOPPED}", "--items-per-chunk=1", "--max-value=1000", "--item-concurrency=1")
RESULT_KEYS = [
    "batchId", "generation", "architecture", "status", "items", "succeeded", "failed", "remaining", "chunks",
    "startedAt", "finishedAt", "durationSeconds", "completionLagSeconds", "reason", "cost", "errors",
    "failedItemsRead", "invocationErrors", "resultsAt",
]  # fmt: skip


class Rollcall:
    """`rollcall` for one sandbox and the stacks with one suffix."""

    def __init__(self, sandbox: Sandbox, suffix: str, folder: Path):
        self.place = [f"--port={sandbox.port}", f"--project={sandbox.project}", f"--suffix={suffix}"]
        self.folder = folder

    def __call__(self, *words: str, expect: int = 0) -> tuple[str, str]:
        """Run `rollcall *words` in this process; returns stdout and stderr."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            patch.setenv("COLUMNS", "200")
            code = run([*words, *self.place])
        assert code == expect, f"rollcall {' '.join(words)}\n{out.getvalue()}\n{err.getvalue()}"
        return out.getvalue(), err.getvalue()

    def json(self, *words: str, expect: int = 0) -> Any:
        """Run `rollcall *words --json`; returns the one document on stdout."""
        out, _ = self(*words, "--json", expect=expect)
        return json.loads(out)

    def popen(self, *words: str, environment: Mapping[str, str] = os.environ) -> subprocess.Popen[str]:
        """Start `rollcall *words` as a user does."""
        return subprocess.Popen(
            [sys.executable, "-m", "rollcall", *words, *self.place],
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C as at a terminal, also where the suite was started in a shell's background, which ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
        )

    def process(self, *words: str, environment: Mapping[str, str] = os.environ) -> str:
        """Run `rollcall *words` as a user does, to its good end; returns stdout."""
        with self.popen(*words, environment=environment) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"rollcall {' '.join(words)}\n{out}\n{err}"
        return out


@pytest.fixture
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path: Path) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path)


def new_id() -> str:
    return f"cli-{uuid.uuid4().hex[:12]}"
