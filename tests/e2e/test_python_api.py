"""What docs/python.md shows: `from rollcall import Batch, Sandbox`."""

import csv
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from bootstrap.aws import session
from bootstrap.destroy import destroy
from bootstrap.lock import deploying
from rollcall import Batch, NotEnded, Problem, Progress, Result
from rollcall import Sandbox as StackSandbox
from rollcall.commands.new import make
from sandbox.state import REPOSITORY, Sandbox
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.probes import eventually
from tests.readme import CODE

pytestmark = pytest.mark.usefixtures("real_time")

ARCHITECTURES = pytest.mark.parametrize("name", ["sqs", "sfn"])


@pytest.fixture(scope="module")
def here(sandbox: Sandbox, stacks: Stacks) -> StackSandbox:
    """The sandbox under test, found by its name."""
    return StackSandbox.find(sandbox.project, sandbox.port).with_suffix(stacks.suffix)


@ARCHITECTURES
def test_a_batch_of_a_file_is_run_and_tells_its_results(here: StackSandbox, tmp_path: Path, name: str):
    _, rows = items(30)
    with (tmp_path / "items.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "name"])
        writer.writeheader()
        writer.writerows({"id": row["id"], "name": "x"} for row in rows)
    batch = Batch.new(here, name, input=str(tmp_path / "items.csv"), items_per_chunk=7)
    assert batch.observe() is None
    result = batch.run(timeout=60)
    assert (result.status, result.succeeded, result.chunks, batch.errors) == ("SUCCEEDED", 30, 5, [])
    assert result.completion_lag_seconds is not None
    assert {line["id"] for line in batch.results().lines()} == {row["id"] for row in rows}
    with pytest.raises(Problem, match="has nothing to redrive"):
        batch.redrive()


@ARCHITECTURES
def test_what_failed_is_listed_and_redriven_as_the_next_generation(here: StackSandbox, tmp_path: Path, name: str):
    _, rows = items(4)
    rows[0]["do"] = "fail"
    (tmp_path / "items.jsonl").write_bytes(json_lines(rows))
    new = Batch.new(here, name, input=tmp_path / "items.jsonl", max_attempts=1)
    assert new.run(timeout=60).failed == 1
    batch = Batch.find(here, new.batch_id)
    assert (batch.architecture, batch.generation) == (name, 1)
    [failed] = batch.failed_items()
    assert (failed["item"]["id"], "was made to fail" in failed["error"]) == (rows[0]["id"], True)
    again = batch.redrive(error="RuntimeError: * was made to fail")
    result = again.wait(timeout=60)
    assert (again.generation, result.generation, result.items, result.failed) == (2, 2, 1, 1)
    assert Batch.find(here, new.batch_id).generation == 2


def test_a_batch_that_takes_longer_than_the_timeout_goes_on_and_can_be_cancelled(here: StackSandbox):
    batch = Batch.new(here, "sqs", items=60, items_per_chunk=1, max_value=1000, item_concurrency=1)
    batch.start()
    seen: list[Progress | None] = []
    with pytest.raises(NotEnded, match=f"batch {batch.batch_id} did not end within 1 s"):
        batch.wait(timeout=1, show=lambda progress, _: seen.append(progress))
    assert seen

    def begun() -> None:
        progress = batch.observe()
        assert not isinstance(progress, Result)
        assert progress
        assert progress.stage == "processing"

    eventually(begun)
    with pytest.raises(Problem, match="still runs"):
        batch.redrive()
    assert batch.cancel()
    result = batch.wait(timeout=60)
    assert (result.status, result.succeeded + result.remaining) == ("CANCELLED", 60)


def test_what_a_stack_would_refuse_is_refused_before_anything_runs(here: StackSandbox, tmp_path: Path):
    (tmp_path / "items.txt").write_text(json.dumps({"id": 1}))
    with pytest.raises(Problem, match=r"items\.txt"):
        Batch.new(here, "sqs", input=tmp_path / "items.txt")
    with pytest.raises(Problem, match="must be a whole number from 1 to 10,000"):
        Batch.new(here, "sqs", items_per_chunk=0)
    with pytest.raises(Problem, match="is not deployed"):
        Batch.new(here.with_suffix("Nowhere"), "sqs")
    with pytest.raises(Problem, match="there is no batch 'never'"):
        Batch.find(here, "never")


def test_nothing_is_deployed_while_a_command_deploys_and_no_folder_that_is_no_work(here: StackSandbox, tmp_path: Path):
    with deploying("rollcall dev", here.project), pytest.raises(Problem, match=r"rollcall dev \(process"):
        here.deploy()
    with pytest.raises(Problem, match="has neither work"):
        here.deploy(tmp_path)


def test_the_program_that_the_document_shows_runs_as_printed(sandbox: Sandbox, tmp_path: Path):
    [program] = CODE.findall((REPOSITORY / "docs" / "python.md").read_text())
    suffix = f"Doc{uuid.uuid4().hex[:6]}"
    make(tmp_path / "my-work")
    folder = tmp_path / "here"
    folder.mkdir()
    # The last guest has no name.
    (folder / "orders.csv").write_text("id,name\n" + "".join(f"g{n},Guest {n}\n" for n in range(60)) + "g60,\n")
    (folder / "program.py").write_text(program.replace("Sandbox.start()", f'Sandbox.start(suffix="{suffix}")'))
    where = {"ROLLCALL_PORT": str(sandbox.port), "ROLLCALL_PROJECT": sandbox.project}
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=folder, env=os.environ | where, capture_output=True, text=True)
    destroy(session(sandbox.endpoint), suffix)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert printed[0] == "FAILED 60 1"
    assert printed[1].startswith("g60 ValueError: the guest has no name")
    assert printed[-1] == "FAILED"


def test_start_finds_the_sandbox_that_runs(sandbox: Sandbox):
    found = StackSandbox.start(sandbox.project, sandbox.port, sandbox.engine)
    assert (found.endpoint, found.engine, found.project) == (sandbox.endpoint, sandbox.engine, sandbox.project)
    assert found.client("sts").get_caller_identity()["Account"] == "000000000000"
