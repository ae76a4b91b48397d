"""Deploying: what it makes, what it leaves alone, what it says when the engine or AWS refuses."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from bootstrap.aws import Session, session
from bootstrap.deploy import StackOutputs, deploy
from bootstrap.destroy import destroy
from bootstrap.dev import watch
from bootstrap.failures import DeployFailed
from bootstrap.packaging import ROOT
from bootstrap.parameters import BadParameter
from sandbox.state import Sandbox
from tests.e2e.live_resources import differences
from tests.probes import consistently, eventually

pytestmark = pytest.mark.usefixtures("real_time")
WORK = (ROOT / "handlers" / "work.py").read_text()


class Deployment:
    """Stacks under a suffix of their own; `said` is what was told of the progress."""

    def __init__(self, connection: Session):
        self.session = connection
        self.suffix = f"Deploy{uuid.uuid4().hex[:6]}"
        self.said: list[str] = []

    def __call__(
        self, *stacks: str, overlay: dict[str, Path] | None = None, **parameters: str
    ) -> dict[str, StackOutputs]:
        self.said.clear()
        chosen = stacks or ("sqs", "sfn")
        return deploy(self.session, chosen, parameters, self.suffix, overlay, self.said.append)


@contextmanager
def own_stacks(sandbox: Sandbox) -> Iterator[Deployment]:
    made = Deployment(session(sandbox.endpoint))
    yield made
    destroy(made.session, made.suffix)


@pytest.fixture
def deployment(sandbox: Sandbox) -> Iterator[Deployment]:
    """The stacks of one test."""
    with own_stacks(sandbox) as made:
        yield made


@pytest.fixture(scope="module")
def both(sandbox: Sandbox) -> Iterator[Deployment]:
    """Both stacks, which the tests of their changes share; the first of these creates them."""
    with own_stacks(sandbox) as made:
        yield made


@pytest.fixture(scope="module")
def only_sqs(sandbox: Sandbox) -> Iterator[Deployment]:
    """The same of the stack of SQS alone."""
    with own_stacks(sandbox) as made:
        yield made


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A copy of handlers/work.py that a test may edit."""
    path = tmp_path / "work.py"
    path.write_text(WORK)
    return path


def changes(made: dict[str, StackOutputs]) -> dict[str, str]:
    return {name: stack.change for name, stack in made.items()}


def code(aws: Callable[[str], Any], made: dict[str, StackOutputs]) -> dict[str, str]:
    """SHA-256 of each function's code, by function name."""
    names = [value for stack in made.values() for key, value in stack.outputs.items() if key.endswith("FunctionName")]
    return {name: aws("lambda").get_function_configuration(FunctionName=name)["CodeSha256"] for name in names}


def test_what_is_deployed_is_what_the_templates_say_and_a_second_time_changes_nothing(
    aws: Callable[[str], Any], both: Deployment
):
    made = both()
    assert changes(made) == {"sqs": "created", "sfn": "created"}
    for name, stack in made.items():
        assert differences(aws, name, stack) == []
    before = code(aws, made)
    again = both()
    assert changes(again) == {"sqs": "unchanged", "sfn": "unchanged"}
    assert code(aws, again) == before
    assert not [line for line in both.said if "uploaded" in line or "created" in line]


def test_an_edited_handler_changes_the_code_of_the_functions_and_nothing_else(
    aws: Callable[[str], Any], both: Deployment, work: Path
):
    before = code(aws, made := both())
    work.write_text(WORK + "\n# edited\n")
    edited = both(overlay={"handlers/work.py": work})
    assert changes(edited) == {"sqs": "updated", "sfn": "updated"}
    for name, stack in edited.items():
        assert [(change.action, change.type) for change in stack.changes] == [("Modify", "AWS::Lambda::Function")] * 4
        assert stack.outputs == made[name].outputs
        assert stack.parameters["CodeKey"] != made[name].parameters["CodeKey"]
    after = code(aws, edited)
    assert len(set(after.values())) == 1
    assert not set(after.values()) & set(before.values())


def test_a_change_that_the_engine_can_make_keeps_the_stack_and_is_live_afterwards(
    aws: Callable[[str], Any], both: Deployment
):
    before = both()
    made = both(FunctionTimeout="30", MaxConcurrency="5", BatchSize="20", ItemsPerChunk="7", DeadlineSeconds="900")
    assert changes(made) == {"sqs": "updated", "sfn": "updated"}
    for name, stack in made.items():
        assert stack.outputs == before[name].outputs
        assert differences(aws, name, stack) == []


def test_provisioned_pollers_come_go_and_exclude_a_maximum_concurrency(aws: Callable[[str], Any], only_sqs: Deployment):
    for pollers in (4, 0, 2, 3):
        made = only_sqs("sqs", ProvisionedPollers=str(pollers))["sqs"]
        [source] = aws("lambda").list_event_source_mappings(FunctionName=made.outputs["ProcessorFunctionName"])[
            "EventSourceMappings"
        ]
        assert source.get("ProvisionedPollerConfig", {}) == ({"MaximumPollers": pollers} if pollers else {})
        assert source.get("ScalingConfig", {}) == ({} if pollers else {"MaximumConcurrency": 10})


def test_more_processors_than_lambda_runs_in_the_account_are_refused(
    aws: Callable[[str], Any], only_sqs: Deployment, deployment: Deployment
):
    with pytest.raises(BadParameter, match="MaxConcurrency=1001 is more than the account's 1000 concurrent executions"):
        deployment("sfn", MaxConcurrency="1001")
    assert not deployment.said
    reserving = only_sqs("sqs")["sqs"].outputs["DeadLetterFunctionName"]
    aws("lambda").put_function_concurrency(FunctionName=reserving, ReservedConcurrentExecutions=100)
    try:
        with pytest.raises(BadParameter, match="MaxConcurrency=901 is more than the account's 900 "):
            deployment("sqs", MaxConcurrency="901")
    finally:
        aws("lambda").delete_function_concurrency(FunctionName=reserving)
    assert not deployment.said


def test_a_change_that_the_engine_would_only_report_recreates_the_stack_and_says_so(
    aws: Callable[[str], Any], both: Deployment
):
    before = both()
    made = both(ScheduleExpression="rate(5 minutes)", LogRetentionDays="30")
    assert changes(made) == {"sqs": "recreated", "sfn": "recreated"}
    for name, stack in made.items():
        assert stack.outputs != before[name].outputs
        assert differences(aws, name, stack) == []
        [said] = [line for line in both.said if line.startswith(f"{stack.name}: recreated without its batches")]
        assert "ScheduleRule (AWS::Events::Rule)" in said
        assert "LogGroup (AWS::Logs::LogGroup)" in said


def test_a_failed_deploy_names_the_resource_and_the_reason_and_the_next_one_mends_it(
    aws: Callable[[str], Any], deployment: Deployment
):
    with pytest.raises(
        DeployFailed, match=r"ScheduleRule \(AWS::Events::Rule\) CREATE_FAILED: .*ScheduleExpression"
    ) as failed:
        deployment("sqs", ScheduleExpression="every day")
    assert [failure.resource for failure in failed.value.failures] == ["ScheduleRule"]
    made = deployment("sqs")
    assert changes(made) == {"sqs": "created"}
    assert differences(aws, "sqs", made["sqs"]) == []
    assert any("ROLLBACK_COMPLETE, so it is deleted and created again" in line for line in deployment.said)


def test_a_saved_edit_goes_live_a_broken_one_does_not_and_the_next_deploy_finds_nothing_to_do(
    aws: Callable[[str], Any], only_sqs: Deployment, work: Path
):
    overlay = {"handlers/work.py": work}
    good = work.read_text() + "\n# edited\n"
    made = only_sqs("sqs", overlay=overlay)
    before, key = code(aws, made), made["sqs"].parameters["CodeKey"]
    said: list[str] = []
    stop = Event()
    watching = Thread(target=watch, args=(only_sqs.session, only_sqs.suffix, overlay, said.append, stop))
    watching.start()
    try:

        def edited_until_noticed() -> None:
            # Again, since the watch may have begun after it; the same, since it may go live later than the next look.
            if not said:
                work.write_text(good)
            assert said

        eventually(edited_until_noticed, interval=0.3)
        assert said[0] == "work.py: live"
        assert not set(code(aws, made).values()) & set(before.values())
        eventually(lambda: _assert_same(kept_code(aws, made, key), []))
        work.write_text("def process(item:\n")
        eventually(lambda: _assert_starts(said[-1], "work.py: not live, the old code stays: '(' was never closed"))
        kept = code(aws, made)
        consistently(lambda: _assert_same(code(aws, made), kept), during=0.5)
    finally:
        stop.set()
        watching.join()
    work.write_text(good)
    assert changes(only_sqs("sqs", overlay=overlay)) == {"sqs": "unchanged"}


def kept_code(aws: Callable[[str], Any], made: dict[str, StackOutputs], key: str) -> list[str]:
    """What the code bucket holds at `key`."""
    found = aws("s3").list_objects_v2(Bucket=made["sqs"].parameters["CodeBucket"], Prefix=key)
    return [each["Key"] for each in found.get("Contents", [])]


def _assert_starts(text: str, start: str) -> None:
    assert text.startswith(start)


def _assert_same(one: object, other: object) -> None:
    assert one == other


def test_the_command_line_deploys_and_destroys(sandbox: Sandbox, aws: Callable[[str], Any], deployment: Deployment):
    def bootstrap(*words: str) -> subprocess.CompletedProcess:
        where = ["--endpoint", sandbox.endpoint, "--suffix", deployment.suffix, "--stack", "sqs"]
        return subprocess.run(
            [sys.executable, "-m", "bootstrap", *words, *where],
            cwd=ROOT,
            env={**os.environ, "ROLLCALL_PROJECT": sandbox.project},
            capture_output=True,
            text=True,
            check=False,
        )

    refused = bootstrap("deploy", "--parameter", "FunctionTimeout=7")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("FunctionTimeout=7: it must be one of")
    made = json.loads(bootstrap("deploy", "--json").stdout)
    assert made["sqs"]["change"] == "created"
    aws("sqs").get_queue_attributes(QueueUrl=made["sqs"]["outputs"]["ChunkQueueUrl"])
    assert bootstrap("destroy").returncode == 0
    with pytest.raises(aws("sqs").exceptions.QueueDoesNotExist):
        aws("sqs").get_queue_attributes(QueueUrl=made["sqs"]["outputs"]["ChunkQueueUrl"])
