"""Deploying: what it makes, what it leaves alone, what it says when the engine or AWS refuses."""

import json
import os
import re
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
from bootstrap.dev import Watched, watch
from bootstrap.failures import DeployFailed
from bootstrap.functions import function_names
from bootstrap.lock import deploying
from bootstrap.packaging import ROOT
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from sandbox.state import Sandbox
from tests.e2e.live_resources import differences
from tests.probes import consistently, eventually
from tests.wheels import wheel

pytestmark = pytest.mark.usefixtures("real_time")
WORK = (ROOT / "handlers" / "work.py").read_text()


class Deployment:
    """Stacks under a suffix of their own; `said` is what was told of the progress."""

    def __init__(self, connection: Session):
        self.session = connection
        self.suffix = f"Deploy{uuid.uuid4().hex[:6]}"
        self.said: list[str] = []
        self.lost: list[tuple[str, str]] = []
        self.may_lose = True

    def __call__(
        self,
        *stacks: str,
        overlay: dict[str, Path] | None = None,
        work: Path | None = None,
        **parameters: str,
    ) -> dict[str, StackOutputs]:
        self.said.clear()
        self.lost.clear()
        return deploy(
            self.session, stacks or ("sqs", "sfn"), parameters, self.suffix, overlay, self.said.append, work,
            losing=self.losing,
        )  # fmt: skip

    def losing(self, stack: str, why: str) -> None:
        self.lost.append((stack, why))
        if not self.may_lose:
            raise Problem(f"{stack} loses its batches")


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
        changed = [("Modify", "AWS::Lambda::Function")] * len(list(function_names(stack.outputs)))
        assert [(change.action, change.type) for change in stack.changes] == changed
        assert stack.outputs == made[name].outputs
        assert stack.parameters["CodeKey"] != made[name].parameters["CodeKey"]
    after = code(aws, edited)
    assert len(set(after.values())) == 1
    assert not set(after.values()) & set(before.values())


def test_a_change_that_the_engine_can_make_keeps_the_stack_and_is_live_afterwards(
    aws: Callable[[str], Any], both: Deployment
):
    before = both()
    made = both(
        FunctionTimeout="31", ProcessorTimeout="7", MaxConcurrency="5", BatchSize="20", ItemsPerChunk="7",
        DeadlineSeconds="900",
    )  # fmt: skip
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
    reserving = only_sqs("sqs")["sqs"].outputs["FinalizerFunctionName"]
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
        [why] = [why for name, why in both.lost if name == stack.name]
        assert "ScheduleRule (AWS::Events::Rule)" in why
        assert "LogGroup (AWS::Logs::LogGroup)" in why
        assert f"{stack.name}: it is deleted and created again, without its batches: {why}" in both.said


def test_a_stack_that_may_not_lose_its_batches_stays_and_so_does_the_other(aws: Callable[[str], Any], both: Deployment):
    before, both.may_lose = both(), False
    with pytest.raises(Problem, match=r"SqsBatchProcessing.* loses"):
        both(ScheduleExpression="rate(7 minutes)")
    both.may_lose = True
    assert changes(after := both()) == {"sqs": "unchanged", "sfn": "unchanged"}
    assert {name: stack.outputs for name, stack in after.items()} == {name: s.outputs for name, s in before.items()}


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
    why = "an earlier deployment has failed (ROLLBACK_COMPLETE)"
    assert any(
        line.endswith(f"it is deleted and created again, without its batches: {why}") for line in deployment.said
    )
    # The engine rolls nothing back.
    with pytest.raises(DeployFailed, match=r"Function \(AWS::Lambda::Function\) UPDATE_FAILED: .*4KB limit"):
        deployment("sqs", EventBusName="x" * 4_000)
    again = deployment("sqs")
    assert changes(again) == {"sqs": "recreated"}
    assert deployment.lost == [(made["sqs"].name, why)]
    # Those of the stack that has failed would poll its queues for ever.
    polled = aws("lambda").get_paginator("list_event_source_mappings").paginate().build_full_result()
    functions = {source["FunctionArn"].rpartition(":")[2] for source in polled["EventSourceMappings"]}
    ours = {name for name in functions if name.startswith(f"{again['sqs'].name}-")}
    assert ours <= set(again["sqs"].outputs.values())


def test_a_saved_edit_goes_live_a_broken_one_does_not_and_the_next_deploy_puts_the_saved_code_in_its_place(
    aws: Callable[[str], Any], only_sqs: Deployment, work: Path
):
    overlay = {"handlers/work.py": work}
    good = work.read_text() + "\n# edited\n"
    made = only_sqs("sqs", overlay=overlay)
    before, key, stack_events = code(aws, made), made["sqs"].parameters["CodeKey"], events(aws, made)
    told: list[tuple[str, str]] = []

    def edited_until_noticed() -> None:
        # Again, since the watch may have begun after it; the same, since it may go live later than the next look.
        if not told:
            work.write_text(good)
        assert told

    with watching(only_sqs, work, told):
        eventually(edited_until_noticed, interval=0.3)
        eventually(lambda: _assert_same(told[-1][0], "live"))
        assert re.fullmatch(r"work\.py: live in \d+\.\d s", told[-1][1])
        assert not set(code(aws, made).values()) & set(before.values())
        assert kept_code(aws, made, key) == []
        assert events(aws, made) == stack_events
        work.write_text("def process(item:\n")
        eventually(lambda: _assert_starts(told[-1][1], "work.py: not live, the old code stays: '(' was never closed"))
        kept = code(aws, made)
        consistently(lambda: _assert_same(code(aws, made), kept), during=0.5)
    work.write_text(WORK)
    assert changes(only_sqs("sqs", overlay=overlay)) == {"sqs": "updated"}
    assert code(aws, made) == before


@contextmanager
def watching(deployment: Deployment, work: Path, told: list[tuple[str, str]], **more: Any) -> Iterator[None]:
    """Edits of `work` are deployed until the end; `told` gets what is told of them."""
    stop = Event()
    watched = Watched([work.parent], lambda: {"handlers/work.py": work}, **more)
    tell = lambda *news: told.append(news)  # noqa: E731
    thread = Thread(target=watch, args=(deployment.session, deployment.suffix, watched, tell, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_an_edit_that_is_refused_slow_or_of_the_settings_is_told_and_done_so(
    only_sqs: Deployment, work: Path, tmp_path: Path
):
    settings, told, deployed, go_on = tmp_path / "rollcall.toml", [], [], Event()

    def check() -> None:
        go_on.wait()
        raise Problem("work.py cannot be imported: no module named 'x'")

    with watching(
        only_sqs, work, told, check=check, needs_deployment=settings.__eq__, deploy=lambda: deployed.append(1)
    ):
        eventually(lambda: _write_until(settings, deployed), interval=0.3)
        eventually(lambda: _assert_same(told[-1][0], "live"))
        work.write_text(WORK)
        eventually(lambda: _assert_same(told[-1], ("working", "work.py: working")))
        go_on.set()
        refused = "work.py: not live, the old code stays: work.py cannot be imported: no module named 'x'"
        eventually(lambda: _assert_same(told[-1], ("not live", refused)))


def _write_until(path: Path, done: list) -> None:
    if not done:
        path.write_text("")
    assert done


def test_the_works_dependencies_reach_what_runs_it_and_a_change_of_them_recreates_nothing(
    aws: Callable[[str], Any], only_sqs: Deployment, tmp_path: Path
):
    handler = tmp_path / "processor.py"
    handler.write_text("import mine\n\ndef handler(event, context): return [mine.VERSION, mine.__file__]\n")
    outputs = []
    for version in ("1.0", "2.0"):
        path = wheel(tmp_path, "mine", version)
        own = work_folder(tmp_path / version, f'dependencies = ["mine @ {path.as_uri()}"]\n')
        only_sqs("sqs", overlay={"handlers/sqs/processor.py": handler}, work=own)
        made = only_sqs("sqs", overlay={"handlers/sqs/processor.py": handler}, work=own)
        assert changes(made) == {"sqs": "unchanged"}
        assert not [line for line in only_sqs.said if "uploaded" in line]
        outputs.append(made["sqs"].outputs)
        answer = aws("lambda").invoke(FunctionName=outputs[-1]["ProcessorFunctionName"], Payload="{}")
        found, place = json.load(answer["Payload"])
        assert found == version
        assert place.endswith("/python/mine/__init__.py")
    assert outputs[0] == outputs[1]
    layers = {key: layers_of(aws, name) for key, name in outputs[0].items() if key.endswith("FunctionName")}
    assert {key: len(arns) for key, arns in layers.items()} == {
        "BatcherFunctionName": 2, "ProcessorFunctionName": 2, "FinalizerFunctionName": 2,
    }  # fmt: skip
    versions = [
        found
        for arn in layers["ProcessorFunctionName"]
        for found in aws("lambda").list_layer_versions(LayerName=arn.rsplit(":", 1)[0])["LayerVersions"]
    ]
    assert [found["LayerVersionArn"] for found in versions] == layers["ProcessorFunctionName"]


def work_folder(folder: Path, settings: str) -> Path:
    """A work folder with these settings."""
    folder.mkdir()
    (folder / "work.py").write_text(WORK)
    (folder / "rollcall.toml").write_text(settings)
    return folder


def test_a_policy_of_the_work_comes_to_its_role_and_goes_and_the_role_keeps_its_others(
    aws: Callable[[str], Any], only_sqs: Deployment, tmp_path: Path
):
    permission = '[[permissions]]\nactions = ["s3:PutObject"]\nresources = ["arn:aws:s3:::mine/*"]\n'
    before = only_sqs("sqs")["sqs"]
    processor = before.outputs["ProcessorFunctionName"]
    role = aws("lambda").get_function_configuration(FunctionName=processor)["Role"]
    for own in (work_folder(tmp_path / "own", permission), None):
        made = only_sqs("sqs", work=own)["sqs"]
        arn = made.parameters["WorkPolicyArn"]
        assert bool(arn) is bool(own)
        assert (made.change, made.outputs) == ("updated", before.outputs)
        assert differences(aws, "sqs", made) == []
        assert aws("lambda").get_function_configuration(FunctionName=processor)["Role"] == role
        attached = aws("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])["AttachedPolicies"]
        assert [each["PolicyArn"] for each in attached] == [arn][: bool(arn)]


def layers_of(aws: Callable[[str], Any], function: str) -> list[str]:
    found = aws("lambda").get_function_configuration(FunctionName=function)["Layers"]
    return [layer["Arn"] for layer in found]


def events(aws: Callable[[str], Any], made: dict[str, StackOutputs]) -> int:
    """How many events the stack has had: each change of it has some."""
    return len(aws("cloudformation").describe_stack_events(StackName=made["sqs"].name)["StackEvents"])


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

    refused = bootstrap("deploy", "--parameter", "FunctionTimeout=7.5")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("FunctionTimeout=7.5: it must be a whole number from 3 to 120")
    with deploying("rollcall dev", sandbox.project):
        for command in ("deploy", "destroy"):
            refused = bootstrap(command)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert f"python -m bootstrap {command} cannot deploy to the sandbox '{sandbox.project}'" in refused.stderr
    made = json.loads(bootstrap("deploy", "--json").stdout)
    assert made["sqs"]["change"] == "created"
    aws("sqs").get_queue_attributes(QueueUrl=made["sqs"]["outputs"]["ChunkQueueUrl"])
    assert bootstrap("destroy").returncode == 0
    with pytest.raises(aws("sqs").exceptions.QueueDoesNotExist):
        aws("sqs").get_queue_attributes(QueueUrl=made["sqs"]["outputs"]["ChunkQueueUrl"])
