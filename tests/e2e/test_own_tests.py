"""`rollcall test`: the tests of a work folder, with whole batches in stacks of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from bootstrap.lock import deploying
from rollcall import Sandbox as StackSandbox
from rollcall.batches.find import batches_of
from rollcall.commands.new import make
from rollcall.testing.stacks import deployed_for_tests, suffix_of
from sandbox.state import Sandbox
from tests.probes import eventually

pytestmark = pytest.mark.usefixtures("real_time")

SLOW = """
def test_it(run_batch):
    run_batch([{"id": n, "name": "Ada"} for n in range(60)], timeout=2, items_per_chunk=1, item_concurrency=1)
"""

type RollcallTest = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def folder(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new work folder, which the tests edit; the stacks of its tests are deleted at the end."""
    made = tmp_path_factory.mktemp("own") / "job"
    make(made)
    yield made
    destroy(session(sandbox.endpoint), suffix_of(made))


@pytest.fixture
def rollcall_test(sandbox: Sandbox, folder: Path) -> RollcallTest:
    """Runs `rollcall test` on the folder, as a user does; returns its exit code and what it printed."""
    where = {"ROLLCALL_PORT": str(sandbox.port), "ROLLCALL_PROJECT": sandbox.project}

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "rollcall", "test", str(folder), *words],
            env=os.environ | where,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def others(aws: Callable[[str], Any], suffix: str) -> dict[str, Any]:
    """When each stack without the suffix was last changed."""
    found = aws("cloudformation").describe_stacks()["Stacks"]
    return {
        stack["StackId"]: (stack["StackStatus"], stack.get("LastUpdatedTime"))
        for stack in found
        if not stack["StackName"].endswith(suffix)
    }


def test_workers_run_a_new_folders_tests_in_both_architectures_while_dev_holds_the_developers_stacks(
    rollcall_test: RollcallTest, sandbox: Sandbox, aws: Callable[[str], Any], folder: Path
):
    before = others(aws, suffix_of(folder))
    with deploying("rollcall dev", sandbox.project):
        code, out = rollcall_test("--", "-q", "-n", "2")
    assert (code, "7 passed" in out) == (0, True), out
    assert others(aws, suffix_of(folder)) == before


def test_the_report_of_a_wrong_process_tells_where_in_it_the_items_failed(rollcall_test: RollcallTest, folder: Path):
    edit(folder, 'item["name"]', 'item["nme"]')
    try:
        code, out = rollcall_test("--architecture=sqs", "--", "-q", "-x", "tests/test_batch.py")
    finally:
        edit(folder, 'item["nme"]', 'item["name"]')
    assert code == 1
    assert f"deploying job for its tests, as sqs with suffix {suffix_of(folder)}" in out
    assert "FAILED: 0 succeeded, 3 failed" in out
    assert "item g1, after 3 attempts: KeyError: 'nme'\n  work.py, line 11, in process" in out
    assert "rollcall/testing" not in out


def test_a_batch_that_takes_too_long_fails_its_test_and_is_cancelled(
    rollcall_test: RollcallTest, sandbox: Sandbox, folder: Path
):
    edit(folder, "    name = item", "    import time; time.sleep(1)\n    name = item")
    (folder / "tests" / "test_slow.py").write_text(SLOW)
    code, out = rollcall_test("--architecture=sqs", "--", "-q", "tests/test_slow.py")
    assert (code, "Traceback" in out) == (1, False)
    assert "did not end within 2 s: " in out
    stacks = StackSandbox.find(sandbox.project, sandbox.port, suffix_of(folder))

    def cancelled() -> None:
        assert batches_of(stacks, "sqs").recent(1)[0].status == "CANCELLED"

    eventually(cancelled)


def test_a_run_of_the_same_state_uses_the_stacks_side_by_side_and_one_of_an_edit_waits_for_its_end(
    sandbox: Sandbox, folder: Path
):
    stacks = StackSandbox.find(sandbox.project, sandbox.port, suffix_of(folder))
    told: list[str] = []

    def another_run() -> Thread:
        def run() -> None:
            with deployed_for_tests(stacks, folder, ["sqs"], told.append) as deployed:
                assert "sqs" in deployed
                told.append("ended")

        thread = Thread(target=run, daemon=True)
        thread.start()
        return thread

    with deployed_for_tests(stacks, folder, ["sqs"], told.append):
        another_run().join(60)
        assert told[-1] == "ended"
        edit(folder, "    name = item", "    # edited\n    name = item")
        waiting = another_run()

        def waits() -> None:
            assert told[-1] == "waiting for another run of job's tests, of an earlier edit"

        eventually(waits)
    waiting.join(60)
    assert told[-1] == "ended"


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "work.py").read_text()
    assert old in text
    (folder / "work.py").write_text(text.replace(old, new))
