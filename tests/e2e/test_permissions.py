"""Least privilege, held against what the whole run did: the engine does not enforce IAM, so these tests do.

They come last, after every test that makes the functions of `stacks` do something (see conftest).
"""

import json
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest

from bootstrap.stacks import STACK_NAMES
from sandbox.state import Sandbox
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.e2e.workers import JUDGED
from tests.probes import eventually

pytestmark = pytest.mark.last
ACCOUNT = "000000000000"


def allowed(aws: Callable[[str], Any], suffix: str) -> dict[str, set[tuple[str, str]]]:
    """Role ARN -> what its policies allow, as (action, resource pattern)."""
    iam, cloudformation = aws("iam"), aws("cloudformation")
    found = defaultdict(set)
    for stack in STACK_NAMES.values():
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack + suffix)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        for resource in resources:
            if resource["ResourceType"] != "AWS::IAM::Role":
                continue
            name = resource["PhysicalResourceId"]
            arn = iam.get_role(RoleName=name)["Role"]["Arn"]
            for statement in (each for document in documents(iam, name) for each in document["Statement"]):
                found[arn] |= {(a, r) for a in listed(statement["Action"]) for r in listed(statement["Resource"])}
    return found


def documents(iam: Any, role: str) -> list[dict]:
    """The role's policies: its own, and the managed ones that it has."""
    own = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = [iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"] for policy in own]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return found


def function_roles(stacks: Stacks) -> set[str]:
    """Role ARNs of the functions. The other roles are used by AWS's services in ways that the engine does not show."""
    functions = [name for outputs in (stacks.sqs, stacks.sfn) for key, name in outputs.items() if "FunctionName" in key]
    return {stacks.aws("lambda").get_function_configuration(FunctionName=name)["Role"] for name in functions}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def calls_of_roles(sandbox: Sandbox) -> list[dict]:
    """Every call that was made with a role's credentials."""
    with urllib.request.urlopen(f"{sandbox.endpoint}/_rollcall/permissions") as answer:
        return json.load(answer)["calls"]


def called(sandbox: Sandbox) -> dict[str, set[tuple[str, str]]]:
    """Role ARN -> what was called with its credentials, as (action, resource)."""
    found = defaultdict(set)
    for call in calls_of_roles(sandbox):
        found[call["role"]].add((call["action"], call["resource"]))
    return found


def reads_in(bucket: str, calls: set[tuple[str, str]]) -> bool:
    """Whether objects of the bucket are read: without the right to list it S3 would answer 403 for a missing one."""
    return any(action == "s3:GetObject" and resource.startswith(f"{bucket}/") for action, resource in calls)


def covers(permission: tuple[str, str], call: tuple[str, str]) -> bool:
    return permission[0] == call[0] and fnmatchcase(call[1], permission[1])


def key_of(stacks: Stacks, bucket: str) -> str:
    """The ARN of the key that encrypts a bucket."""
    found = stacks.aws("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    return found[0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_a_batch_between_buckets_that_keys_encrypt_may_use_these_keys(
    stacks: Stacks, sandbox: Sandbox, architecture: str
):
    _, rows = items(20, result="r")
    batch = stacks.start(architecture, input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=10)
    assert stacks.finished(batch)["succeeded"] == 20
    assert stacks.results(batch) == {row["id"]: "r" for row in rows}
    outputs = {"sqs": stacks.sqs, "sfn": stacks.sfn}[architecture]
    read = ("kms:Decrypt", key_of(stacks, outputs["InputBucketName"]))
    written = ("kms:GenerateDataKey", key_of(stacks, stacks.results_bucket))
    for name, need in (("Batcher", read), ("Processor", written), ("Finalizer", written)):
        role = stacks.aws("lambda").get_function_configuration(FunctionName=outputs[f"{name}FunctionName"])["Role"]
        assert need in called(sandbox)[role], name
        assert need in allowed(stacks.aws, stacks.suffix)[role], name


def test_no_function_calls_what_its_role_does_not_allow(stacks: Stacks, sandbox: Sandbox):
    permissions, calls = allowed(stacks.aws, stacks.suffix), called(sandbox)
    refused = [
        f"{role.rsplit('/', 1)[-1]}: {action} on {resource}"
        for role, allows in permissions.items()
        for action, resource in sorted(calls[role])
        if not any(covers(permission, (action, resource)) for permission in allows)
    ]
    assert not refused, "called, but not allowed:\n" + "\n".join(refused)


@pytest.fixture
def whole_run(request: pytest.FixtureRequest) -> None:
    """Skips the test if a part of the suite ran only, so that not everything was called."""
    ran = {item.module.__name__.rsplit(".", 1)[-1] for item in request.session.items}
    if missing := JUDGED - ran or request.config.option.keyword:
        pytest.skip(f"a part of the suite ran only, so not everything was used: {missing}")


@pytest.mark.usefixtures("whole_run")
def test_every_call_of_a_function_to_s3_names_the_account_that_the_bucket_must_belong_to(
    stacks: Stacks, sandbox: Sandbox
):
    roles = function_roles(stacks)
    calls = [call for call in calls_of_roles(sandbox) if call["role"] in roles and call["action"].startswith("s3:")]
    assert {call["bucketOwner"] for call in calls} == {ACCOUNT}, calls


@pytest.mark.usefixtures("whole_run")
def test_no_functions_role_allows_what_no_test_ever_used(stacks: Stacks, sandbox: Sandbox):
    def all_used() -> None:
        permissions, calls = allowed(stacks.aws, stacks.suffix), called(sandbox)
        unused = [
            f"{role.rsplit('/', 1)[-1]}: {action} on {resource}"
            for role in function_roles(stacks)
            for action, resource in sorted(permissions[role])
            if not any(covers((action, resource), call) for call in calls[role])
            and not (action == "s3:ListBucket" and reads_in(resource, calls[role]))
        ]
        assert not unused, "allowed, but never used:\n" + "\n".join(unused)

    # The last log lines may still be on their way.
    eventually(all_used)
