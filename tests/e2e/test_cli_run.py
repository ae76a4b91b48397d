"""Batches that the command line starts: what it shows, prints, leaves behind, and how it ends."""

import json
import signal
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.command_line import ARCHITECTURES, LASTING, RESULT_KEYS, Rollcall, new_id
from tests.e2e.inputs import items
from tests.e2e.stacks import Stacks

# What the batch's own event says too.
DETAIL_KEYS = [*RESULT_KEYS[: RESULT_KEYS.index("completionLagSeconds")], "reason"]


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
