"""The command line, against the sandbox under test.

It is a process of its own where the process matters: its signals, its pipes, its environment.
"""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.lock import deploying
from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES
from handlers.core.batch import iso
from rollcall.__main__ import run
from rollcall.api.sandbox import COUNTED_BATCHES
from rollcall.batches.find import batches_of
from rollcall.commands import watch
from rollcall.commands.new import make
from rollcall.commands.up import tell_losses
from rollcall.target.connection import Connection
from sandbox.state import REPOSITORY, Sandbox
from tests.canary import HOSTILE, canary_home, of_a_user
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks, says
from tests.probes import eventually

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])
# A batch that has something left when it is stopped: an EXPRESS child hears of that after 5 seconds at most.
STOPPED = 120
LASTING = (f"--items={STOPPED}", "--items-per-chunk=1", "--max-value=1000", "--item-concurrency=1")
RESULT_KEYS = [
    "batchId", "generation", "architecture", "status", "items", "succeeded", "failed", "remaining", "chunks",
    "startedAt", "finishedAt", "durationSeconds", "completionLagSeconds", "reason", "cost", "errors",
    "failedItemsRead", "invocationErrors", "resultsAt",
]  # fmt: skip
# What the batch's own event says too.
DETAIL_KEYS = [*RESULT_KEYS[: RESULT_KEYS.index("completionLagSeconds")], "reason"]


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


def leftovers(aws: Callable[[str], Any]) -> list[str]:
    """Queues and rules that a `rollcall run` made for itself and left behind."""
    queues = aws("sqs").list_queues(QueueNamePrefix="rollcall-run-").get("QueueUrls", [])
    rules = aws("events").list_rules(NamePrefix="rollcall-run-")["Rules"]
    return [*queues, *(rule["Name"] for rule in rules)]


@ARCHITECTURES
def test_run_for_people_shows_progress_on_stderr_and_the_summary_on_stdout(rollcall: Rollcall, architecture):
    out, err = rollcall("run", architecture, "--items=50", "--items-per-chunk=10")
    assert "SUCCEEDED" in out
    assert "50 succeeded, 0 failed" in out
    assert f"{architecture}  waiting for the batcher" in err


@pytest.mark.docker
@ARCHITECTURES
def test_run_ends_with_the_event_and_prints_one_object(rollcall: Rollcall, stacks: Stacks, aws, architecture):
    # After the test above: all environments of a first batch must start, so that its check may end it, without a lag.
    batch = new_id()
    result = rollcall.json("run", architecture, "--items=200", "--items-per-chunk=25", f"--batch-id={batch}")
    assert list(result) == RESULT_KEYS
    counts = [result[key] for key in ("status", "items", "succeeded", "failed", "remaining", "chunks")]
    assert counts == ["SUCCEEDED", 200, 200, 0, 0, 8]
    assert (result["batchId"], result["architecture"], result["reason"]) == (batch, architecture, None)
    assert 0 <= result["completionLagSeconds"] < 10
    detail = stacks.finished(batch)
    assert {key: detail[key] for key in DETAIL_KEYS} == {key: result[key] for key in DETAIL_KEYS}
    assert leftovers(aws) == []


@ARCHITECTURES
@pytest.mark.parametrize("name", ["orders.csv", "orders.jsonl"])
def test_run_takes_real_items_from_a_file(rollcall: Rollcall, architecture, name):
    rows = [f"{uuid.uuid4().hex},0" for _ in range(30)]
    content = "\n".join(["id,value", *rows])
    if name.endswith(".jsonl"):
        content = "\n".join(json.dumps({"id": row.split(",")[0], "value": 0}) for row in rows)
    (rollcall.folder / name).write_text(content)
    result = rollcall.json("run", architecture, f"--input={name}", "--items-per-chunk=10")
    assert (result["status"], result["succeeded"], result["chunks"]) == ("SUCCEEDED", 30, 3)


@ARCHITECTURES
def test_an_empty_batch_has_no_lag(rollcall: Rollcall, architecture):
    result = rollcall.json("run", architecture, "--items=0")
    assert (result["status"], result["chunks"], result["completionLagSeconds"]) == ("SUCCEEDED", 0, None)


@ARCHITECTURES
def test_a_batch_that_fails_exits_with_1_and_says_how_to_see_and_redo_what_failed(rollcall: Rollcall, architecture):
    batch = new_id()
    words = ("--items=12", "--items-per-chunk=6", "--fail-rate=1", "--max-attempts=1", f"--batch-id={batch}")
    out, _ = rollcall("run", architecture, *words, expect=1)
    assert "FAILED" in out
    assert f"rollcall failures {batch} " in out
    assert f"rollcall redrive {batch} " in out
    shown = rollcall.json("status", batch)
    assert (shown["status"], shown["failed"]) == ("FAILED", 12)
    assert shown["failedItems"][0]["item"]["id"]
    assert shown["failedItems"][0]["error"]
    assert f"rollcall redrive {batch} " in rollcall("status", batch)[0]


@ARCHITECTURES
def test_a_failed_batch_says_how_many_are_tolerated_and_its_most_frequent_errors(rollcall: Rollcall, architecture):
    batch, (_, rows) = new_id(), items(20)
    for row in rows[:3]:
        row["do"] = "fail"
    rows[5]["do"] = "interrupt"
    (rollcall.folder / "orders.jsonl").write_text("\n".join(map(json.dumps, rows)))
    words = ("--input=orders.jsonl", "--max-attempts=1", "--tolerated-failure-percentage=2.5", f"--batch-id={batch}")
    out, _ = rollcall("run", architecture, *words, expect=1)
    for shown in (out, rollcall("status", batch)[0], rollcall("watch", batch, expect=1)[0]):
        # A terminal of 80 columns wraps it.
        words = " ".join(shown.split())
        assert "4 of 20 items failed (20 %), 2.5 % is tolerated" in words
        assert f"3 x RuntimeError: ... was made to fail (item {rows[0]['id']}, ...)" in words
        assert f"1 x KeyboardInterrupt  (item {rows[5]['id']})" in shown
    known = rollcall.json("status", batch)
    samples = [(error["count"], [sample["id"] for sample in error["samples"]]) for error in known["errors"]]
    assert samples == [(3, [row["id"] for row in rows[:3]]), (1, [rows[5]["id"]])]
    assert rollcall.json("failures", batch, "--group")["errors"] == known["errors"]
    assert "RuntimeError: ... was made to fail" in rollcall("failures", batch, "--group")[0]


def test_a_batch_within_its_tolerance_exits_with_0(rollcall: Rollcall):
    words = ("--items=10", "--fail-rate=1", "--max-attempts=1", "--tolerated-failure-percentage=100")
    result = rollcall.json("run", "sqs", *words)
    assert (result["status"], result["failed"]) == ("SUCCEEDED", 10)


@ARCHITECTURES
def test_what_is_started_without_waiting_can_be_watched_to_its_end(rollcall: Rollcall, architecture):
    started = rollcall.json("run", architecture, "--items=60", "--items-per-chunk=10", "--no-wait")
    assert list(started) == RESULT_KEYS
    assert started["status"] == "OPEN"
    watched = rollcall.json("watch", started["batchId"])
    assert (watched["status"], watched["succeeded"]) == ("SUCCEEDED", 60)
    again, _ = rollcall("watch", started["batchId"])
    assert "SUCCEEDED" in again


@ARCHITECTURES
def test_an_id_is_used_once(rollcall: Rollcall, architecture):
    batch = new_id()
    rollcall("run", architecture, "--items=1", f"--batch-id={batch}")
    _, err = rollcall("run", architecture, "--items=1", f"--batch-id={batch}", expect=2)
    assert batch in err
    assert "rollcall watch" in err


@ARCHITECTURES
def test_ctrl_c_leaves_the_batch_running_and_nothing_of_its_own(rollcall: Rollcall, aws, architecture):
    batch = new_id()
    with rollcall.popen("run", architecture, *LASTING, f"--batch-id={batch}") as process:
        assert process.stderr
        for line in process.stderr:
            if "processing" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert f"rollcall watch {batch}" in err
    assert "Traceback" not in err
    assert leftovers(aws) == []
    assert rollcall.json("cancel", batch)["remaining"] > 0


@ARCHITECTURES
def test_trigger_starts_the_batch_of_this_second(rollcall: Rollcall, architecture):
    sent = rollcall.json("trigger", architecture)
    assert sent["event"]["detail-type"] == "Scheduled Event"
    assert sent["event"]["resources"] == [sent["rule"]]
    assert sent["batchId"] == "scheduled-" + sent["event"]["time"].replace("-", "").replace(":", "")
    assert rollcall.json("watch", sent["batchId"])["status"] == "SUCCEEDED"


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


@pytest.mark.docker
def test_logs_are_merged_and_chosen_by_role(rollcall: Rollcall):
    batch = new_id()
    rollcall("run", "sqs", "--items=5", "--batch-id", batch)

    def shown() -> str:
        out, _ = rollcall("logs", "sqs", "--since=1m")
        assert "sqs.batcher" in out
        assert "sqs.processor" in out
        return out

    out = eventually(shown)
    assert "sfn." not in out
    times = [line.split()[0] for line in out.splitlines() if " sqs." in line]
    assert times == sorted(times)
    [finished] = rollcall("logs", "sqs", "--since=1m", "--batch", batch, "--grep", "batch.finished")[0].splitlines()
    assert f"batchId={batch}" in finished
    _, err = rollcall("logs", "sqs.procesor", expect=2)
    assert "sqs.processor" in err


def test_other_clients_find_the_sandbox_by_the_variables_and_none_of_the_users_settings(
    rollcall: Rollcall, stacks: Stacks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9\n")
    users = {
        "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    }  # fmt: skip
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    (variables, _), (back, _) = rollcall("env"), rollcall("env", "--unset")
    calls = f"""
    eval "$1"
    {sys.executable} -c 'import boto3; print(boto3.client("sqs").list_queues()["QueueUrls"])'
    aws dynamodb list-tables
    eval "$2"
    env
    """
    shell = ["bash", "-ec", calls, "bash", variables, back]
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    done = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    assert stacks.sqs["ChunkQueueUrl"] in done
    assert stacks.sqs["TableName"] in done
    assert "AWS_" not in done


# A title, a cleared screen, hidden text, C1, a carriage return, the direction of writing.
ESCAPES = "\x1b]0;title\x07\x1b[2J\x1b[8m\x9b31m\rover \u202e"
ESCAPED = r"\x1b]0;title\x07\x1b[2J\x1b[8m\x9b31m\rover \u202e"


def test_what_an_item_makes_a_function_log_is_shown_not_sent(rollcall: Rollcall, stacks: Stacks, aws):
    group, stream = f"/aws/lambda/{stacks.sqs['ProcessorFunctionName']}", new_id()
    rollcall("run", "sqs", "--items=1")
    messages = [f"plain {ESCAPES}", json.dumps({"level": "INFO", "message": f"json {ESCAPES}", "item": ESCAPES})]
    now = stacks.clock.now_ms()
    aws("logs").create_log_stream(logGroupName=group, logStreamName=stream)
    aws("logs").put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": now, "message": message} for message in messages],
    )
    out, _ = rollcall("logs", "sqs.processor", "--since=1m")
    assert f"plain {ESCAPED}" in out
    assert f"INFO  json {ESCAPED}  item={ESCAPED}" in out
    assert not set(ESCAPES) & set("\x1b\x07\x9b\r\u202e") & set(out)


def test_the_engines_log_is_shown_not_sent(rollcall: Rollcall, sandbox: Sandbox):
    if not sandbox.log:
        pytest.skip(
            "the log of an engine in Docker cannot be written to from here: see tests/unit/test_sandbox_docker.py"
        )
    with sandbox.log.open("a", newline="") as log:
        log.write(f"before {ESCAPES}\n")
        log.flush()
        assert f"before {ESCAPED}\n" in rollcall("logs", "engine")[0]
        with rollcall.popen("logs", "engine", "--follow") as process:
            assert process.stdout
            for line in process.stdout:
                if f"before {ESCAPED}" in line:
                    break
            log.write(f"after {ESCAPES}\n")
            log.flush()
            for line in process.stdout:
                if "after" in line:
                    break
            process.send_signal(signal.SIGINT)
    assert line == f"after {ESCAPED}\n"
    assert process.returncode == 130


@pytest.mark.docker
def test_an_engine_that_is_not_this_checkouts_is_used_where_its_port_is_asked_for_and_told(
    rollcall: Rollcall, monkeypatch: pytest.MonkeyPatch
):
    rollcall.place[1] = "--project=another"
    out, err = rollcall("status", "--json")
    assert json.loads(out)["engine"] is None
    assert "is not the sandbox 'another' of this checkout; it is used since --port names its port" in err
    port, rollcall.place[0] = rollcall.place[0], "--suffix="
    # The sandbox in Docker is started by its environment, which would ask for its port.
    monkeypatch.delenv("ROLLCALL_PORT", raising=False)
    _, err = rollcall("status", expect=2)
    assert "no sandbox 'another' of this checkout is running" in err
    monkeypatch.setenv("ROLLCALL_PORT", port.partition("=")[2])
    assert "since --port names its port" in rollcall("meter")[1]


@pytest.mark.parametrize("name", [name for name in HOSTILE if HOSTILE[name].files or "profile" in name])
def test_no_aws_setting_of_the_user_stops_a_command_of_the_sandbox(rollcall: Rollcall, tmp_path: Path, name: str):
    home = canary_home(tmp_path / "home", name)
    assert json.loads(rollcall.process("status", "--json", environment=of_a_user(home, name)))["engine"]


@pytest.fixture
def everything_hostile(tmp_path: Path) -> dict[str, str]:
    """Every hostile setting at once, in files and in the environment."""
    return of_a_user(canary_home(tmp_path / "home", "everything in the config"), *HOSTILE)


@ARCHITECTURES
def test_a_batch_runs_whatever_the_users_aws_settings_are(
    rollcall: Rollcall, everything_hostile: dict[str, str], architecture
):
    (rollcall.folder / "orders.jsonl").write_text('{"id": "one", "value": 0}')
    words = ("run", architecture, "--input=orders.jsonl", "--json")
    result = json.loads(rollcall.process(*words, environment=everything_hostile))
    assert (result["status"], result["succeeded"]) == ("SUCCEEDED", 1)
    assert rollcall.process("bill", result["batchId"], environment=everything_hostile)


def test_bootstrap_works_whatever_the_users_aws_settings_are(
    sandbox: Sandbox, stacks: Stacks, everything_hostile: dict[str, str]
):
    ended = subprocess.run(
        [sys.executable, "-m", "bootstrap", "destroy", "--suffix", f"{stacks.suffix}-none"],
        cwd=REPOSITORY,
        env={
            **everything_hostile,
            "ROLLCALL_PROJECT": sandbox.project,
            "ROLLCALL_PORT": str(sandbox.port),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_stacks_that_are_not_deployed_are_named(sandbox: Sandbox, tmp_path: Path):
    elsewhere = Rollcall(sandbox, "Nowhere", tmp_path)
    for words in (
        ["run", "sqs"],
        ["run", "sfn"],
        ["trigger", "sqs"],
        ["status"],
        ["logs"],
        ["watch", "b"],
        ["cancel", "b"],
    ):
        _, err = elsewhere(*words, expect=2)
        assert "Nowhere is not deployed" in err
        assert "rollcall up" in err
