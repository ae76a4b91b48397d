"""The policies of docs/deploy.md: what CloudFormation calls on AWS they allow, and they allow little else.

What is called in the sandbox is compared in tests/e2e/test_deploy_on_aws.py. CloudFormation calls more on AWS: its
schemas say what. LocalStack has some of them; of the others the table here has what AWS documents.
"""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from cfnlint import decode

from bootstrap.stacks import STACK_NAMES, TEMPLATES
from tests.deploy_policies import CLOUDFORMATION, DEPLOYER, listed, permissions, policy

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LONGEST_POLICY = 6144
# Of a schema's permissions, those for what the templates do not use.
UNUSED = {
    "*:*Kinesis*": "no stream of the table", "kinesis:*": "the same", "kms:*": "AWS's own keys encrypt",
    "dynamodb:*Import*": "no import", "dynamodb:UpdateCont*": "neither backups nor insights",
    "iam:CreateServiceLinkedRole": "no replicas", "iam:PassRole": "its own statement, by service",
    "logs:*DataProtectionPolicy": "no data protection", "logs:*ResourcePolic*": "the same", "firehose:*": "the same",
    "logs:CreateLogStream": "no export", "logs:DescribeLogStreams": "no export", "logs:PutLogEvents": "no export",
    "logs:CreateLogDelivery": "no delivery", "logs:*KmsKey": "AWS's own keys encrypt",
    "s3:REST.PUT.OBJECT": "no delivery",
    "s3:GetObjectVersion": "the code bucket has no versions", "s3:GetObjectMetadata": "no import",
}  # fmt: skip
# A bucket's schema has the permissions for every feature of S3: these are for what the template sets.
OF_A_BUCKET = {
    "s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucketOwnershipControls", "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:ListBucket",
    "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging",
    "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
}  # fmt: skip
# What CloudFormation calls for the types of which LocalStack has no schema with permissions, and what newer schemas
# than LocalStack's add: https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/supported-resources.html
DOCUMENTED = {
    "AWS::CloudWatch::Alarm": "cloudwatch: PutMetricAlarm DeleteAlarms DescribeAlarms ListTagsForResource TagResource "
    "UntagResource",
    "AWS::CloudWatch::Dashboard": "cloudwatch: PutDashboard DeleteDashboards GetDashboard",
    "AWS::Events::Rule": "events: PutRule DeleteRule DescribeRule PutTargets RemoveTargets ListTargetsByRule "
    "TagResource UntagResource ListTagsForResource",
    "AWS::IAM::ManagedPolicy": "iam: CreatePolicy DeletePolicy GetPolicy GetPolicyVersion ListPolicyVersions "
    "CreatePolicyVersion DeletePolicyVersion TagPolicy UntagPolicy",
    "AWS::IAM::Policy": "iam: PutRolePolicy DeleteRolePolicy GetRolePolicy",
    "AWS::IAM::Role": "iam: PutRolePermissionsBoundary",
    "AWS::Lambda::EventInvokeConfig": "lambda: PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig "
    "GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig",
    "AWS::Lambda::EventSourceMapping": "lambda: TagResource UntagResource ListTags",
    "AWS::Lambda::Function": "lambda: CreateFunction DeleteFunction GetFunction GetFunctionConfiguration "
    "UpdateFunctionCode UpdateFunctionConfiguration TagResource UntagResource ListTags GetFunctionCodeSigningConfig "
    "GetRuntimeManagementConfig GetFunctionRecursionConfig GetLayerVersion",
    "AWS::Lambda::Permission": "lambda: AddPermission RemovePermission GetPolicy",
    "AWS::Logs::LogGroup": "logs: TagResource UntagResource ListTagsForResource",
    "AWS::S3::BucketPolicy": "s3: PutBucketPolicy GetBucketPolicy DeleteBucketPolicy",
    "AWS::SQS::Queue": "sqs: CreateQueue DeleteQueue GetQueueAttributes GetQueueUrl SetQueueAttributes TagQueue "
    "UntagQueue ListQueueTags",
    "AWS::SQS::QueuePolicy": "sqs: SetQueueAttributes",
}
# Beside these a policy may name only what the sandbox's CloudFormation was seen to call: rights for what AWS's own does
# in one call of another name.
SEEN = {"iam:PassRole", "logs:GetDataProtectionPolicy", "s3:GetObject"}


def types_of_the_stacks() -> set[str]:
    """The types of all resources of both stacks, and of the stack of the work's permissions."""
    documents = [decode.decode(str(TEMPLATES / f"{name}-batch-processing.yaml"))[0] for name in STACK_NAMES]
    return {resource["Type"] for each in documents for resource in each["Resources"].values()} | {
        "AWS::IAM::ManagedPolicy"
    }


@cache
def schemas() -> dict[str, set[str]]:
    """The permissions of CloudFormation's own schemas by type, as far as LocalStack has them."""
    found = {}
    for path in Path(find_spec("localstack").submodule_search_locations[0]).glob(  # type: ignore[union-attr,index]
        "services/*/resource_providers/*.schema.json"
    ):
        schema = json.loads(path.read_text())
        handlers = {name: each for name, each in schema.get("handlers", {}).items() if name != "list"}
        found[schema["typeName"]] = {action for each in handlers.values() for action in each["permissions"]}
    return found


def needed(kind: str) -> set[str]:
    """The actions that CloudFormation needs for a resource of that type as the templates use it."""
    of_schema = schemas().get(kind, set())
    if kind == "AWS::S3::Bucket":
        of_schema &= OF_A_BUCKET
    service, _, names = DOCUMENTED.get(kind, ":").partition(":")
    return {action for action in of_schema if not any(fnmatchcase(action, pattern) for pattern in UNUSED)} | {
        f"{service}:{name}" for name in names.split()
    }


@pytest.mark.parametrize("kind", sorted(types_of_the_stacks()))
def test_what_cloudformation_calls_for_each_type_is_allowed(kind: str) -> None:
    actions = {action for action, _ in permissions(CLOUDFORMATION)}
    assert needed(kind), f"no schema and no row in DOCUMENTED says what CloudFormation calls for {kind}"
    assert sorted(each for each in needed(kind) if not any(fnmatchcase(each, pattern) for pattern in actions)) == []


def test_cloudformation_is_allowed_no_action_that_nothing_needs() -> None:
    wanted = SEEN.union(*map(needed, types_of_the_stacks() | set(DOCUMENTED)))
    actions = {action for action, _ in permissions(CLOUDFORMATION)}
    assert sorted(each for each in actions if not any(fnmatchcase(action, each) for action in wanted)) == []


@pytest.mark.parametrize("name", [DEPLOYER, CLOUDFORMATION])
def test_a_policy_is_one_that_iam_takes_and_names_what_it_is_about(name: str) -> None:
    document = policy(name)
    assert len(re.sub(r"\s", "", json.dumps(document))) <= LONGEST_POLICY
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    for sid in sids:
        assert sid.isalnum()


@pytest.mark.parametrize("name", [DEPLOYER, CLOUDFORMATION])
def test_a_policy_changes_only_what_bears_the_stacks_names(name: str) -> None:
    ours = re.compile(r"(rollcall-|Rollcall(Work|Resources)\*|S(fn|qs)BatchProcessing\*|sfnbatchprocessing\*)")
    for statement in policy(name)["Statement"]:
        named = [ours.search(resource) for resource in listed(statement["Resource"])]
        if all(named) or ours.search(json.dumps(statement.get("Condition", {}))):
            continue
        changing = [each for each in listed(statement["Action"]) if not re.match(r"\w+:(Describe|Get|List)", each)]
        # AWS gives an event source a random id, and such a call no condition.
        assert set(changing) <= {"lambda:TagResource", "lambda:UntagResource"}, statement["Sid"]


def statements(name: str, action: str) -> Iterator[dict]:
    return (each for each in policy(name)["Statement"] if action in listed(each["Action"]))


def test_a_role_is_passed_to_its_service_only_and_gets_the_works_policies_only() -> None:
    for name in (DEPLOYER, CLOUDFORMATION):
        for statement in statements(name, "iam:PassRole"):
            assert "iam:PassedToService" in statement["Condition"]["StringEquals"]
    [attaching] = statements(CLOUDFORMATION, "iam:AttachRolePolicy")
    assert attaching["Condition"] == {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::ACCOUNT:policy/RollcallWork*"}}
