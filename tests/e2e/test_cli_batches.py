"""Batches on the command line: their state, what failed, redrives, cancels, and what may not happen while they run."""

import csv
import io
import json
import re
import uuid
from pathlib import Path

import pytest

from bootstrap.aws import session
from bootstrap.lock import deploying
from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES
from handlers.core.batch import iso
from rollcall.api.sandbox import COUNTED_BATCHES
from rollcall.batches.find import batches_of
from rollcall.commands import watch
from rollcall.commands.new import make
from rollcall.commands.up import tell_losses
from rollcall.target.connection import Connection
from sandbox.state import Sandbox
from tests.e2e.command_line import ARCHITECTURES, LASTING, RESULT_KEYS, STOPPED, Rollcall, new_id
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks, says
from tests.probes import eventually


@pytest.mark.docker
def test_status_tells_where_everything_is(rollcall: Rollcall, sandbox: Sandbox, stacks: Stacks):
    batch = rollcall.json("run", "sqs", "--items=1")["batchId"]
    status = rollcall.json("status")
    assert status["endpoint"] == sandbox.endpoint
    assert (status["sqs"], status["sfn"]) == (stacks.sqs, stacks.sfn)
    assert batch in [result["batchId"] for result in status["batches"]]
    out, _ = rollcall("status")
    for value in (sandbox.endpoint, stacks.sqs["TableName"], stacks.sfn["StateMachineArn"], batch):
        assert value in out


@ARCHITECTURES
def test_failures_lists_each_item_with_its_error_and_attempts(rollcall: Rollcall, stacks: Stacks, architecture):
    batch, rows = new_id(), [{"id": f"{uuid.uuid4().hex}", "value": 0} for _ in range(9)]
    rows[3] |= {"do": "fail", "note": 'a "quoted", odd\n\u001b[31m value'}
    (rollcall.folder / "orders.jsonl").write_text("\n".join([*map(json.dumps, rows), "not JSON"]))
    rollcall(
        "run", architecture, "--input=orders.jsonl", "--max-attempts=2", "--items-per-chunk=3", f"--batch-id={batch}",
        expect=1,
    )  # fmt: skip
    error = f"RuntimeError: {rows[3]['id']} was made to fail"
    listed = rollcall.json("failures", batch)
    assert (listed["batchId"], listed["generation"], listed["architecture"]) == (batch, 1, architecture)
    failed, invalid = listed["failures"]
    failed_at = failed.pop("failedAt")
    assert rollcall.json("status", batch)["startedAt"][:19] <= failed_at[:19] <= iso(stacks.clock.now_ms())
    assert failed | {"error": says(failed)} == {"item": rows[3], "error": error, "attempts": 2}
    assert ", in process" in failed["error"]
    assert invalid["item"]["id"].startswith("byte-")
    assert invalid["error"].startswith("InvalidItem: not JSON")
    header, first, _ = csv.reader(io.StringIO(rollcall("failures", batch, "--csv")[0]))
    assert header == ["id", "error", "attempts", "item", "file", "line"]
    assert first[1] == failed["error"]
    assert [first[0], first[2], json.loads(first[3]), *first[4:]] == [rows[3]["id"], "2", rows[3], "", ""]
    first_line, _ = rollcall("failures", batch)[0].splitlines()
    assert first_line.startswith(f"{rows[3]['id']}  after 2 attempts: {error}")


def test_a_batch_without_failures_has_an_empty_list(rollcall: Rollcall):
    batch = rollcall.json("run", "sqs", "--items=3")["batchId"]
    assert rollcall.json("failures", batch)["failures"] == []
    assert rollcall("failures", batch, "--csv")[0] == "id,error,attempts,item,file,line\n"
    _, err = rollcall("failures", batch, "--generation=2", expect=2)
    assert "no generation 2: its latest is 1" in err


@ARCHITECTURES
def test_redrive_runs_only_what_failed_as_the_next_generation(rollcall: Rollcall, stacks: Stacks, architecture):
    batch, (prefix, rows) = new_id(), items(9)
    rows[2]["do"] = rows[7]["do"] = "fail-once"
    (rollcall.folder / "orders.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--input=orders.jsonl", "--max-attempts=1", "--items-per-chunk=3", f"--batch-id={batch}")
    first = rollcall.json("run", architecture, *words, expect=1)
    assert (first["status"], first["failed"]) == ("FAILED", 2)
    second = rollcall.json("redrive", batch)
    assert list(second) == RESULT_KEYS
    assert (second["generation"], second["status"], second["items"], second["succeeded"]) == (2, "SUCCEEDED", 2, 2)
    assert rollcall.json("status", batch)["generation"] == 2
    assert rollcall.json("status", batch, "--generation=1")["failed"] == 2
    assert rollcall.json("watch", batch)["generation"] == 2
    shown = {(result["batchId"], result["generation"]) for result in rollcall.json("status")["batches"]}
    assert {(batch, 1), (batch, 2)} <= shown
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 2 if "do" in row else 1 for row in rows})
    _, err = rollcall("redrive", batch, expect=2)
    assert f"batch {batch}, generation 2 has nothing to redrive" in err


@ARCHITECTURES
def test_lines_that_are_no_items_are_told_with_file_and_line_and_no_redrive_is_offered(
    rollcall: Rollcall, architecture
):
    batch, good = new_id(), json.dumps({"id": uuid.uuid4().hex, "value": 0})
    (rollcall.folder / "mine.jsonl").write_text(f'{good}\n\n{{"id": 7, "n": 1, "n": 2}}\nno item\n')
    out, _ = rollcall("run", architecture, "--input=mine.jsonl", f"--batch-id={batch}", expect=1)
    assert "a redrive would not help" in out
    assert "rollcall redrive" not in out
    assert rollcall("failures", batch)[0].splitlines() == [
        "mine.jsonl line 3  after 1 attempt: InvalidItem: it names 'n' twice in one object: which value is meant?"
        ': {"id": 7, "n": 1, "n": 2}',
        "mine.jsonl line 4  after 1 attempt: InvalidItem: not JSON: at character 1 found 'no item', expected a value"
        ": no item",
    ]
    listed = rollcall.json("failures", batch)["failures"]
    assert [(entry["file"], entry["line"]) for entry in listed] == [("mine.jsonl", 3), ("mine.jsonl", 4)]
    rows = list(csv.reader(io.StringIO(rollcall("failures", batch, "--csv")[0])))
    assert [row[4:] for row in rows] == [["file", "line"], ["mine.jsonl", "3"], ["mine.jsonl", "4"]]
    _, err = rollcall("redrive", batch, expect=2)
    assert "each of the 2 items that failed is a line that is no item" in err


def test_nothing_is_deployed_while_another_command_deploys(rollcall: Rollcall, sandbox: Sandbox, tmp_path: Path):
    with deploying("rollcall dev", sandbox.project):
        for command in ("up", "dev"):
            _, err = rollcall(command, expect=2)
            assert f"rollcall {command} cannot deploy to the sandbox '{sandbox.project}': rollcall dev (process" in err
            assert "end it with Ctrl-C in its window, then try again" in err
        make(tmp_path / "other")
        _, err = rollcall("run", "sqs", f"--work={tmp_path / 'other'}", expect=2)
        assert f"rollcall run cannot deploy to the sandbox '{sandbox.project}': rollcall dev (process" in err
        assert "wait until it says that the last edit is live" in err


@ARCHITECTURES
def test_a_stack_whose_batches_run_is_not_created_again_unless_they_may_be_lost(
    rollcall: Rollcall, stacks: Stacks, sandbox: Sandbox, architecture, capsys: pytest.CaptureFixture
):
    batch = new_id()
    name = f"{STACK_NAMES[architecture]}{stacks.suffix}"
    connection = Connection(session(sandbox.endpoint), stacks.suffix, sandbox.endpoint)

    batches = batches_of(connection, architecture)

    def others_have_ended() -> None:
        running = [other for other in batches.recent(COUNTED_BATCHES) if other.status == "OPEN"]
        for other in running:  # of other tests, which are over
            batches.cancel(other.batch_id, other.generation)
        assert running == []

    eventually(others_have_ended)
    rollcall("run", architecture, *LASTING, f"--batch-id={batch}", "--no-wait")
    said = (
        f"{name} must be deleted and created again, because it is old: that loses [0-9]+ batches( or more)?, of which"
    )

    def begun() -> None:
        assert rollcall.json("status", batch).get("stage") == "processing"

    eventually(begun)
    with pytest.raises(Problem, match=rf"{said} 1 run: {batch}") as problem:
        tell_losses(connection, False, name, "it is old")
    assert "`rollcall up --yes` loses them" in str(problem.value.hint)
    tell_losses(connection, True, name, "it is old")
    assert re.search(f"{said} 1 run", capsys.readouterr().err.replace("\n", " "))
    rollcall("cancel", batch)
    stacks.finished(batch)
    tell_losses(connection, False, name, "it is old")


@ARCHITECTURES
def test_cancel_ends_a_batch_and_redrive_runs_the_rest(rollcall: Rollcall, architecture):
    batch = new_id()
    rollcall("run", architecture, *LASTING, f"--batch-id={batch}", "--no-wait")

    def begun() -> None:
        assert rollcall.json("status", batch).get("stage") == "processing"

    eventually(begun)
    _, err = rollcall("redrive", batch, expect=2)
    assert f"rollcall cancel {batch}" in err
    cancelled = rollcall.json("cancel", batch)
    assert (cancelled["status"], cancelled["reason"] is None) == ("CANCELLED", False)
    assert cancelled["remaining"] > 0
    assert cancelled["succeeded"] + cancelled["remaining"] == STOPPED
    _, err = rollcall("cancel", batch, expect=2)
    assert f"batch {batch} is not running: it ended CANCELLED" in err
    rest = rollcall.json("redrive", batch, "--no-wait")
    assert (rest["generation"], rest["status"]) == (2, "OPEN")
    out, _ = rollcall("watch", batch)
    assert f"{cancelled['remaining']} succeeded, 0 failed" in out


def test_the_same_id_in_both_architectures_needs_to_be_told_apart(rollcall: Rollcall):
    batch = new_id()
    for architecture in ("sqs", "sfn"):
        rollcall("run", architecture, "--items=2", f"--batch-id={batch}")
    _, err = rollcall("status", batch, expect=2)
    assert "--architecture sqs or --architecture sfn" in err
    assert rollcall.json("status", batch, "--architecture=sfn")["architecture"] == "sfn"


def test_whoever_stops_reading_breaks_nothing(rollcall: Rollcall):
    batch = new_id()
    words = ("--items=2000", "--fail-rate=1", "--max-attempts=1", "--items-per-chunk=500", f"--batch-id={batch}")
    rollcall("run", "sqs", *words, expect=1)
    with rollcall.popen("failures", batch, "--csv") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""


def test_an_unknown_batch_is_refused_with_recent_ones(rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watch, "START_PATIENCE_SECONDS", 1)
    recent = rollcall.json("run", "sqs", "--items=1")["batchId"]
    for command in ("status", "watch", "cancel", "redrive", "failures"):
        _, err = rollcall(command, "no-such-batch", expect=2)
        assert "no-such-batch" in err
        assert recent in err
