"""`rollcall clock` on an engine of its own, and the commands that have that clock's time."""

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.deploy import deploy
from handlers.sqs.records import Batch
from handlers.sqs.table import BatchTable
from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall, new_id
from tests.e2e.engines import ENGINES
from tests.e2e.executor_deploy import create
from tests.e2e.stacks import QUICK
from tests.probes import eventually

HOURS = 3600
# It is busy until a message arrives in the queue that its event names.
BUSY = """
import boto3

def handler(event, context):
    sqs, queue = boto3.client("sqs"), event["Records"][0]["body"]
    while not sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"):
        pass
"""


@pytest.fixture(scope="module")
def sandbox(engine: str) -> Iterator[Sandbox]:
    """An engine for these tests alone: other tests' engine keeps its time."""
    with ENGINES[engine]() as own:
        yield own


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Callable[[str], Any]:
    return cache(session(sandbox.endpoint).client)


@pytest.fixture
def rollcall(sandbox: Sandbox, tmp_path: Path) -> Rollcall:
    return Rollcall(sandbox, "", tmp_path)


@pytest.fixture(scope="module")
def stack(sandbox: Sandbox) -> None:
    """The stack of SQS under its own name."""
    deploy(session(sandbox.endpoint), ["sqs"], QUICK)


@pytest.fixture
def busy(aws: Callable[[str], Any]) -> tuple[str, Callable[[], None]]:
    """A function that an advance will wait for: its name, and what ends the wait."""
    sqs, function = aws("sqs"), create(aws, source=BUSY, Timeout=300)
    source = sqs.create_queue(QueueName=function.name, Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    enough = sqs.create_queue(QueueName=f"{function.name}-enough")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("lambda").create_event_source_mapping(FunctionName=function.name, EventSourceArn=arn)
    sqs.send_message(QueueUrl=source, MessageBody=enough, DelaySeconds=900)
    return function.name, lambda: sqs.send_message(QueueUrl=enough, MessageBody="enough")


def time_of(clock: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(clock["now"])


def offset(rollcall: Rollcall) -> float:
    return rollcall.json("clock", "show")["offsetSeconds"]


def test_a_new_sandbox_has_real_time(rollcall: Rollcall):
    before = datetime.now(UTC)
    clock = rollcall.json("clock", "show")
    assert before - timedelta(milliseconds=1) <= time_of(clock) <= datetime.now(UTC)
    assert (clock["offsetSeconds"], clock["skip"], clock["advancing"], clock["jumps"]) == (0, False, None, [])
    assert "  real time\n" in rollcall("clock", "show")[0]


def test_six_hours_without_work_pass_at_once(rollcall: Rollcall):
    before = rollcall.json("clock", "show")
    after = rollcall.json("clock", "advance", "6h")
    assert after["advancing"] is None
    assert timedelta(hours=6) <= time_of(after) - time_of(before) < timedelta(hours=6, minutes=1)
    out, err = rollcall("clock", "advance", "6h")
    assert " ahead of real time\n" in out
    last = rollcall.json("clock", "show")["jumps"][-1]
    assert last["to"] in err
    assert last["to"] in rollcall("clock", "show")[0]
    assert offset(rollcall) >= before["offsetSeconds"] + 11.9 * HOURS


def test_skip_is_on_until_it_is_off(rollcall: Rollcall):
    assert rollcall.json("clock", "skip", "on")["skip"] is True
    assert "skip       on" in rollcall("clock", "show")[0]
    assert rollcall("clock", "skip", "off")[0] == "skip is off\n"
    assert rollcall.json("clock", "show")["skip"] is False


def test_an_advance_that_the_engine_refuses_moves_nothing(rollcall: Rollcall):
    before = offset(rollcall)
    out, err = rollcall("clock", "advance", "9999999d", expect=2)
    assert out == ""
    assert "error: " in err
    assert "rollcall clock show" in err
    assert offset(rollcall) == before


def test_ctrl_c_ends_the_advance_of_which_there_is_one_at_a_time(
    rollcall: Rollcall, busy: tuple[str, Callable[[], None]]
):
    (name, end), before = busy, offset(rollcall)

    def waits() -> None:
        assert f"invocation of {name}" in str(rollcall.json("clock", "show")["advancing"])

    with rollcall.popen("clock", "advance", "1h") as process:
        eventually(waits)
        _, err = rollcall("clock", "advance", "1h", expect=2)
        assert "rollcall clock show" in err
        assert "waiting for" in rollcall("clock", "show")[0]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "and goes on in real time" in err
    assert rollcall.json("clock", "show")["advancing"] is None
    end()
    assert before + 800 < offset(rollcall) < before + 1000


def test_batches_have_the_sandboxs_time_as_do_the_commands_that_work_on_them(rollcall: Rollcall, stack: None):
    before = time_of(rollcall.json("clock", "advance", "1h"))
    result = rollcall.json("run", "sqs", "--items=5")
    assert result["batchId"] > f"{before:%Y%m%d-%H%M%S}"
    assert datetime.fromisoformat(result["startedAt"]) > before
    assert 0 <= result["completionLagSeconds"] < 60
    assert rollcall.json("trigger", "sqs")["event"]["time"] >= f"{before:%Y-%m-%dT%H:%M:%SZ}"

    def logged() -> None:
        assert result["batchId"] in rollcall("logs", "sqs.batcher", "--since=5m")[0]

    eventually(logged)
    rollcall("clock", "advance", "1h")
    assert result["batchId"] not in rollcall("logs", "sqs.batcher", "--since=5m")[0]


def test_a_batch_is_cancelled_at_the_sandboxs_time(rollcall: Rollcall, aws: Callable[[str], Any], stack: None):
    rollcall("clock", "advance", "1h")
    batch = new_id()
    rollcall("run", "sqs", "--items=1000", "--max-value=1000", f"--batch-id={batch}", "--no-wait")
    table = BatchTable(aws("dynamodb"), rollcall.json("status")["sqs"]["TableName"])

    def record() -> Batch:
        found = table.get_batch(batch)
        assert found
        return found

    eventually(record)
    rollcall("cancel", batch, "--no-wait")
    assert record().cancelled
    # By real time its deadline would lie before its start.
    assert record().started_at <= record().deadline <= time_of(rollcall.json("clock", "show")).timestamp() * 1000
