"""Deploying as on AWS: what a redeploy keeps, what it asks, how destroy drains, and which permissions that takes."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.change_sets import Stacks
from bootstrap.deploy import StackOutputs, deploy
from bootstrap.destroy import destroy
from bootstrap.open_batches import open_batches
from bootstrap.packaging import ROOT
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from bootstrap.stacks import STACK_NAMES
from sandbox.state import Sandbox
from tests.clock import Clock
from tests.deploy_policies import CLOUDFORMATION, DEPLOYER, allowed_by, permissions
from tests.e2e.aws_account import ACCOUNT, AwsSession, arn_of, calls_in
from tests.probes import eventually

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
RESULTS = f"rollcall-results-{ACCOUNT}-us-east-1"
SETTINGS = """\
[secrets]
KEY = "ssm:/deploy-on-aws/key"

[[permissions]]
actions = ["s3:PutObject"]
resources = ["arn:aws:s3:::mine/*"]
"""
OWN_BUCKET = """\
Resources:
  Mine: { Type: AWS::S3::Bucket, Properties: { BucketName: %s } }
Outputs:
  MyBucket: { Value: !Ref Mine }
"""


@dataclass
class Account:
    """Stacks of one suffix in an account, deployed and destroyed by one session; what was told and asked meanwhile."""

    session: AwsSession
    role: str = ""
    suffix: str = field(default_factory=lambda: f"Aws{uuid.uuid4().hex[:6]}")
    said: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    goes_on: bool = True

    def deploy(
        self, *stacks: str, work: Path | None = None, tags: dict[str, str] | None = None, **parameters: str
    ) -> dict[str, StackOutputs]:
        self.said.clear()
        self.asked.clear()
        return deploy(
            self.session, stacks or tuple(STACK_NAMES), parameters, self.suffix, progress=self.said.append, work=work,
            losing=self._ask, tags=tags, role=self.role,
        )  # fmt: skip

    def destroy(self) -> None:
        self.said.clear()
        self.asked.clear()
        destroy(self.session, self.suffix, progress=self.said.append, losing=self._ask, role=self.role)

    def _ask(self, stack: str, why: str) -> None:
        self.asked.append((stack, why))
        if not self.goes_on:
            raise Problem(f"{stack} is left as it is")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """The engine is asked more often than AWS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stacks, "interval", 0.1)
        yield


def work_folder(folder: Path, settings: str = "", resources: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "work.py").write_text((ROOT / "handlers" / "work.py").read_text())
    if resources:
        (folder / "resources.yaml").write_text(resources)
        settings += '\n[resources]\ntemplate = "resources.yaml"\n'
    (folder / "rollcall.toml").write_text(settings)
    return folder


@dataclass
class Story:
    """What was seen while stacks were deployed, deployed again with batches, and destroyed."""

    account: Account
    first: dict[str, StackOutputs]
    again: dict[str, StackOutputs]
    told_again: list[str]
    asked_again: list[tuple[str, str]]
    described: dict[str, Any]
    boundaries: set[str]
    told_at_the_end: list[str]
    asked_at_the_end: list[tuple[str, str]]
    refused: str
    events: list[dict[str, Any]]
    calls: dict[str, set[tuple[str, str]]]


DEPLOYS, MAKES = "rollcall-deployer", "rollcall-cloudformation"
BATCHES = ("running-sqs", "running-sfn")


@pytest.fixture(scope="module")
def story(sandbox: Sandbox, aws: Callable[[str], Any], clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Story:
    owner = AwsSession(sandbox.endpoint)
    owner.in_role(MAKES)
    account = Account(owner.in_role(DEPLOYS), role=arn_of(MAKES))
    aws("ssm").put_parameter(Name="/deploy-on-aws/key", Value="v", Type="SecureString")
    work = work_folder(tmp_path_factory.mktemp("work") / "my-work", SETTINGS)
    with clock.real():
        first = account.deploy(
            work=work, tags={"team": "orders", "stage": "test"}, CpuArchitecture="x86_64", ResultsBucket=RESULTS,
            PermissionsBoundary=BOUNDARY, MaxConcurrency="2", ProvisionedPollers="2", ScheduleState="ENABLED",
        )  # fmt: skip
        boundaries = {role["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles_of(aws, account)}
        again = account.deploy(
            tags={"stage": "live"}, ProvisionedPollers="0", ProcessorMemory="512", FunctionTimeout="31",
            PermissionsBoundary="", LogLevel="DEBUG",
        )  # fmt: skip
        told_again, asked_again = list(account.said), list(account.asked)
        described = {name: aws("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0]
                     for name, stack in again.items()}  # fmt: skip
        for rule in aws("events").list_rules(NamePrefix=again["sfn"].name)["Rules"]:
            aws("events").disable_rule(Name=rule["Name"])  # at the hourly sweep the clock would never rest
        heard = subscribe(aws, account.suffix)
        start_batches(aws, again)
        for name, stack in again.items():
            found = open_batches(owner, aws("cloudformation").describe_stacks(StackName=stack.name)["Stacks"][0])
            eventually(lambda found=found, name=name: _assert_in(f"running-{name}", found.find()))
        account.goes_on = False
        with pytest.raises(Problem) as refused:
            account.destroy()
        account.goes_on = True
    account.destroy()
    events = [json.loads(message["Body"])["detail"] for message in received(aws, heard)]
    calls = calls_in(sandbox, DEPLOYS, MAKES)
    return Story(
        account, first, again, told_again, asked_again, described, boundaries, list(account.said), list(account.asked),
        str(refused.value), events, calls,
    )  # fmt: skip


def roles_of(aws: Callable[[str], Any], account: Account) -> Iterator[dict[str, Any]]:
    for page in aws("iam").get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if role["RoleName"].startswith(tuple(name + account.suffix for name in STACK_NAMES.values())):
                yield aws("iam").get_role(RoleName=role["RoleName"])["Role"]


def start_batches(aws: Callable[[str], Any], made: dict[str, StackOutputs]) -> None:
    """One in each stack, of chunks that take a second each, for longer than the test waits."""
    request = {"items": 2000, "itemsPerChunk": 20}
    aws("lambda").invoke(
        FunctionName=made["sqs"].outputs["BatcherFunctionName"],
        InvocationType="Event",
        Payload=json.dumps({"batchId": "running-sqs", **request}),
    )
    aws("stepfunctions").start_execution(
        stateMachineArn=made["sfn"].outputs["StateMachineArn"], name="running-sfn", input=json.dumps(request)
    )


def subscribe(aws: Callable[[str], Any], name: str) -> str:
    """A queue that gets the Batch Finished events of BATCHES; returns its URL."""
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    pattern = {"source": ["rollcall"], "detail-type": ["Batch Finished"], "detail": {"batchId": list(BATCHES)}}
    aws("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("events").put_targets(Rule=name, Targets=[{"Id": "test", "Arn": arn}])
    return url


def received(aws: Callable[[str], Any], url: str) -> list[dict[str, Any]]:
    return aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])


def _assert_in(one: object, many: list) -> None:
    assert one in many


def test_a_redeploy_keeps_every_parameter_that_it_was_not_told_and_says_which(story: Story):
    for name, stack in story.again.items():
        first, again = story.first[name].parameters, stack.parameters
        changed = {"ProcessorMemory": "512", "FunctionTimeout": "31", "PermissionsBoundary": "", "LogLevel": "DEBUG"}
        changed |= {"ProvisionedPollers": "0"} if name == "sqs" else {}
        computed = {"CodeKey", "FunctionVisibilitySeconds", "WorkPolicyArn", "SourcePolicyArn", "WorkSecrets"}
        kept = {key: value for key, value in first.items() if key not in {*changed, *computed}}
        assert {key: again[key] for key in kept} == kept
        assert {key: again[key] for key in changed} == changed
        assert (
            f"{stack.name} keeps CpuArchitecture=x86_64, MaxConcurrency=2, ResultsBucket={RESULTS}, "
            "ScheduleState=ENABLED" in story.told_again
        )


def test_a_redeploy_keeps_tags_and_the_role_and_changes_what_it_is_told(story: Story):
    for described in story.described.values():
        assert {tag["Key"]: tag["Value"] for tag in described["Tags"]} == {"team": "orders", "stage": "live"}
        assert described["RoleARN"] == arn_of(MAKES)
    assert story.boundaries == {BOUNDARY}


def test_the_example_takes_the_place_of_somebodys_work_only_when_asked(story: Story):
    why = "it runs the work my-work, and without --work gets the example in its place"
    assert story.asked_again == [(stack.name, why) for stack in story.again.values()]


def test_destroy_asks_names_what_runs_and_leaves_all_as_it_is_if_refused(story: Story):
    assert [stack for stack, _ in story.asked_at_the_end] == [stack.name for stack in story.again.values()]
    for architecture, (_, why) in zip(story.again, story.asked_at_the_end, strict=True):
        assert f"running-{architecture}" in why
    assert story.refused == f"{story.again['sqs'].name} is left as it is"


def test_destroy_drains_every_batch_is_cancelled_and_announced_before_its_stack_goes(
    story: Story, aws: Callable[[str], Any]
):
    assert {event["batchId"]: event["status"] for event in story.events} == dict.fromkeys(BATCHES, "CANCELLED")
    assert len(story.events) == len(BATCHES)
    for stack in story.again.values():
        assert f"{stack.name}: deleted" in story.told_at_the_end
        assert not any("unannounced" in line for line in story.told_at_the_end)
        with pytest.raises(aws("cloudformation").exceptions.ClientError, match="does not exist"):
            aws("cloudformation").describe_stacks(StackName=stack.name)


@pytest.mark.parametrize(("role", "policy"), [(DEPLOYS, DEPLOYER), (MAKES, CLOUDFORMATION)])
def test_deploying_and_destroying_call_nothing_but_what_the_documents_policies_allow(
    story: Story, role: str, policy: str
):
    calls = story.calls[role]
    assert calls
    refused = sorted(
        f"{action} on {resource}" for action, resource in calls if not allowed_by(policy, action, resource)
    )
    assert not refused, "called, but not allowed by docs/deploy.md:\n" + "\n".join(refused)


# What deploying calls in other cases than the story's.
OTHER_CASES = {
    "cloudformation:DeleteChangeSet": "a stack that is unchanged, or an update that is refused",
    "cloudformation:GetTemplate": "own resources are destroyed: are their buckets to be deleted?",
    "cloudformation:ListStackResources": "the same",
    "s3:PutBucketPublicAccessBlock": "a bucket that does not block it; every new one does",
    "s3:PutBucketPolicy": "a bucket that is new, or whose policy was changed",
    "s3:PutLifecycleConfiguration": "the same of its rules",
    "s3:CreateBucket": "a bucket that is new",
    "secretsmanager:DescribeSecret": "a secret of Secrets Manager",
    "sns:GetTopicAttributes": "alarms go to a topic, which is looked at first",
}


def test_who_deploys_is_allowed_no_action_that_nothing_needs(story: Story):
    called = {action for action, _ in story.calls[DEPLOYS]} | set(OTHER_CASES)
    assert sorted({action for action, _ in permissions(DEPLOYER)} - called) == []


def test_stacks_of_different_cpus_are_refused_with_the_way_out(sandbox: Sandbox, clock: Clock):
    account = Account(AwsSession(sandbox.endpoint))
    with clock.real():
        account.deploy("sqs", CpuArchitecture="x86_64")
        try:
            with pytest.raises(BadParameter, match="CpuArchitecture is x86_64 in sqs, arm64 in sfn: say one of them"):
                account.deploy()
        finally:
            account.destroy()


def test_an_own_resource_that_would_be_replaced_is_told_and_stays_if_that_is_refused(
    sandbox: Sandbox, aws: Callable[[str], Any], clock: Clock, tmp_path: Path
):
    account, name = Account(AwsSession(sandbox.endpoint)), f"mine-{uuid.uuid4().hex[:8]}"
    resources = f"RollcallResources{account.suffix}"

    def deploy_with(bucket: str) -> None:
        account.deploy(
            "sqs", work=work_folder(tmp_path / "own", resources=OWN_BUCKET % bucket), CpuArchitecture="x86_64"
        )

    with clock.real():
        deploy_with(f"{name}-a")
        try:
            account.goes_on = False
            with pytest.raises(Problem, match=f"{resources} is left as it is"):
                deploy_with(f"{name}-b")
            assert account.asked == [(resources, "CloudFormation replaces Mine (AWS::S3::Bucket), with what they hold")]
            [described] = aws("cloudformation").describe_stacks(StackName=resources)["Stacks"]
            assert described["Outputs"][0]["OutputValue"] == f"{name}-a"
            aws("s3").head_bucket(Bucket=f"{name}-a")
            assert aws("cloudformation").list_change_sets(StackName=resources)["Summaries"] == []
        finally:
            account.goes_on = True
            account.destroy()
