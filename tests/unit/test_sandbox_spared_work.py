"""What the engine leaves out is not missed."""

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.engine import spared_work

SCRIPT = """
import sys
from sandbox.engine import spared_work
spared_work.install()
import localstack.services.cloudformation.v2.provider
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (
    state_task_service_batch as batch,
)
assert batch.JobStatus.SUCCEEDED
print(*(name for name in ("moto.ec2", "moto.batch.models") if name in sys.modules))
"""


def test_the_stacks_services_load_without_ec2_and_batch() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_no_two_uuids_are_the_same_whatever_threads_make_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", os.urandom)
    spared_work._draw_random_bytes_at_once()
    made = 8 * 5 * spared_work.UUIDS_AT_ONCE
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: uuid.uuid4(), range(made)))) == made
    assert {len(os.urandom(size)) for size in (0, 1, 16, 17)} == {0, 1, 16, 17}
