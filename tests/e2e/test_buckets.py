"""The bootstrap buckets: code that nobody else has put there, none of somebody else's, nothing of others undone."""

import io
import json
import uuid
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap.aws import SandboxSession, session
from bootstrap.bucket import INPUT_DAYS, Buckets, buckets_of, expiring
from bootstrap.destroy import destroy, empty
from bootstrap.failures import DeployFailed
from bootstrap.layers import sdk_layer
from bootstrap.packaging import package
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from bootstrap.stacks import DEFINITION, SANDBOX_PARAMETERS
from handlers.aws.bucket_owner import expecting
from rollcall.batches.inputs import Inputs
from rollcall.batches.sfn import SfnBatches
from rollcall.target.connection import Connection, Stack
from sandbox.state import Sandbox
from tests.e2e.deployed import deploy

ACCOUNT, STRANGER = "000000000000", "111111111111"


@pytest.fixture
def connection(sandbox: Sandbox) -> SandboxSession:
    return session(sandbox.endpoint)  # type: ignore[return-value]


@pytest.fixture
def suffix(connection: SandboxSession) -> Iterator[str]:
    """That of a test's own stacks."""
    name = f"Buckets{uuid.uuid4().hex[:6]}"
    yield name
    destroy(connection, name)


class Own(Buckets):
    """Buckets under names of the test's own, and the calls that were made: operation, headers."""

    calls: list[tuple[str, dict]]


@pytest.fixture
def own(connection: SandboxSession) -> Iterator[Own]:
    client = expecting(connection.client("s3"), ACCOUNT)
    made = Own(client, ACCOUNT, "aws", f"test-{uuid.uuid4().hex[:8]}", lambda line: None)
    calls: list[tuple[str, dict]] = []
    object.__setattr__(made, "calls", calls)
    client.meta.events.register(
        "before-call.s3", lambda model, params, **_: calls.append((model.name, params["headers"]))
    )
    yield made
    for bucket in client.list_buckets()["Buckets"]:
        if bucket["Name"] in (made.code, made.input):
            empty(client, bucket["Name"])
            client.delete_bucket(Bucket=bucket["Name"])


@cache
def planted() -> bytes:
    """A zip that is not ours."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handlers/sqs/batcher.py", "def handler(event, context): print('PLANTED')\n")
    return packed.getvalue()


def digest(content: bytes) -> str:
    return b64encode(sha256(content).digest()).decode()


@pytest.mark.parametrize(
    ("checksum", "told"),
    [({}, "had no SHA-256 checksum"), ({"ChecksumAlgorithm": "SHA256"}, f"had SHA-256 {digest(planted())}")],
    ids=["without", "with"],
)
def test_code_that_somebody_has_put_at_its_key_is_overwritten_and_told_and_runs_nowhere(
    aws: Callable[[str], Any], connection: SandboxSession, suffix: str, checksum: dict, told: str
):
    buckets, code = buckets_of(connection, print), package()
    buckets.ensure_code()
    aws("s3").put_object(Bucket=buckets.code, Key=code.key, Body=planted(), **checksum)
    said: list[str] = []
    made = deploy(connection, ("sqs",), suffix=suffix, progress=said.append)["sqs"]
    ours = digest(code.zip())
    assert f"s3://{buckets.code}/{code.key}: overwritten, since the object there {told}, and ours has {ours}" in said
    for name in (value for key, value in made.outputs.items() if key.endswith("FunctionName")):
        assert aws("lambda").get_function_configuration(FunctionName=name)["CodeSha256"] == ours
    again: list[str] = []
    deploy(connection, ("sqs",), suffix=suffix, progress=again.append)
    assert not [line for line in again if "s3://" in line]


def test_a_definition_and_a_layer_that_somebody_has_put_at_their_keys_are_overwritten_and_run_nowhere(
    aws: Callable[[str], Any], connection: SandboxSession, suffix: str
):
    buckets, ours = buckets_of(connection, print), DEFINITION.read_bytes()
    key = f"definition/{sha256(ours).hexdigest()}.asl.json"
    buckets.ensure_code()
    aws("s3").put_object(
        Bucket=buckets.code, Key=key, Body=b'{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'
    )
    layer = sdk_layer(SANDBOX_PARAMETERS["CpuArchitecture"])
    aws("s3").put_object(Bucket=buckets.code, Key=layer.key, Body=planted())
    said: list[str] = []
    made = deploy(connection, ("sfn",), suffix=suffix, progress=said.append)["sfn"]
    for place in (key, layer.key):
        assert [line for line in said if line.startswith(f"s3://{buckets.code}/{place}: overwritten")]
    [arn] = {
        found["Arn"]
        for name in (value for output, value in made.outputs.items() if output.endswith("FunctionName"))
        for found in aws("lambda").get_function_configuration(FunctionName=name)["Layers"]
    }
    published = aws("lambda").get_layer_version_by_arn(Arn=arn)["Content"]["CodeSha256"]
    assert published == digest(layer.zip)
    machine = aws("stepfunctions").describe_state_machine(stateMachineArn=made.outputs["StateMachineArn"])
    assert json.loads(machine["definition"])["StartAt"] == "Begin"


def test_code_and_input_lie_apart_and_neither_role_nor_parameter_brings_them_together(
    connection: SandboxSession, suffix: str
):
    buckets = buckets_of(connection, print)
    assert buckets.code != buckets.input
    for name in ("InputBucket", "ResultsBucket"):
        with pytest.raises(BadParameter, match=f"{name}={buckets.code}: that is the bucket of the functions' code"):
            deploy(connection, parameters={name: buckets.code}, suffix=suffix)
    made = deploy(connection, ("sqs",), suffix=suffix)["sqs"]
    assert (made.outputs["InputBucketName"], made.parameters["CodeBucket"]) == (buckets.input, buckets.code)
    assert (made.outputs["InputPrefix"], made.outputs["InputBucketOwner"]) == ("input/", ACCOUNT)


@pytest.mark.parametrize("which", ["code", "input"])
def test_a_bucket_of_that_name_of_another_account_is_refused_by_name(sandbox: Sandbox, own: Own, which: str):
    name = getattr(own, which)
    stranger = boto3.client(
        "s3", endpoint_url=sandbox.endpoint, region_name="us-east-1", aws_access_key_id=STRANGER,
        aws_secret_access_key="test",
    )  # fmt: skip
    stranger.create_bucket(Bucket=name)
    ensure = own.ensure_code if which == "code" else lambda: own.ensure_input("input/")
    with pytest.raises(DeployFailed, match=rf"{name} \(AWS::S3::Bucket\) REFUSED: it does not belong to the account"):
        ensure()
    stranger.delete_bucket(Bucket=name)


def test_every_call_of_a_deploy_names_the_account_that_the_bucket_must_belong_to(own: Own):
    own.s3.create_bucket(Bucket=own.code)
    own.s3.create_bucket(Bucket=own.input)
    own.ensure_code()
    own.ensure_input("input/")
    own.upload("code/a.zip", b"a")
    own.upload("code/a.zip", b"b")
    empty(own.s3, own.code)
    owners = {operation: headers.get("x-amz-expected-bucket-owner") for operation, headers in own.calls}
    # These cannot: the one names no bucket, the other makes it.
    assert {operation for operation, owner in owners.items() if owner != ACCOUNT} <= {"CreateBucket", "ListBuckets"}
    assert len(owners) > 10


def test_a_call_that_expects_another_owner_is_refused(aws: Callable[[str], Any], own: Own, sandbox: Sandbox):
    own.s3.create_bucket(Bucket=own.code)
    own.upload("code/a.zip", b"a")
    other = expecting(session(sandbox.endpoint).client("s3"), STRANGER)
    place = {"Bucket": own.code, "Key": "code/a.zip"}
    for call in (
        lambda: other.head_bucket(Bucket=own.code),
        lambda: other.get_object(**place),
        lambda: other.put_object(**place, Body=b"b"),
        lambda: other.upload_fileobj(io.BytesIO(b"b" * 9 * 2**20), **place),
        lambda: other.create_multipart_upload(**place),
        lambda: list(other.get_paginator("list_objects_v2").paginate(Bucket=own.code)),
        lambda: other.delete_objects(Bucket=own.code, Delete={"Objects": [{"Key": "code/a.zip"}]}),
        lambda: other.get_bucket_policy(Bucket=own.code),
        lambda: other.put_bucket_lifecycle_configuration(Bucket=own.code, LifecycleConfiguration={"Rules": []}),
    ):
        with pytest.raises((ClientError, boto3.exceptions.S3UploadFailedError), match=r"AccessDenied|403"):
            call()
    assert aws("s3").get_object(**place)["Body"].read() == b"a"


def test_the_command_line_uploads_to_and_reads_from_the_owners_bucket_only(sandbox: Sandbox, own: Own, tmp_path: Path):
    own.s3.create_bucket(Bucket=own.input)
    path = tmp_path / "items.jsonl"
    path.write_text('{"id": "a"}\n')
    connection = Connection(session(sandbox.endpoint), "", sandbox.endpoint)
    outputs = {"InputBucketName": own.input, "InputPrefix": "orders/", "InputBucketOwner": STRANGER}
    with pytest.raises(Problem, match="AccessDenied"):
        Inputs([str(path)]).upload(connection, Stack("a-stack", outputs, {}), "b")
    assert own.s3.list_objects_v2(Bucket=own.input)["KeyCount"] == 0
    Inputs([str(path)]).upload(connection, Stack("a-stack", outputs | {"InputBucketOwner": ACCOUNT}, {}), "b")
    own.s3.head_object(Bucket=own.input, Key="orders/b/items.jsonl")
    for owner, expected in ((ACCOUNT, nullcontext()), (STRANGER, pytest.raises(ClientError, match="AccessDenied"))):
        machine = f"arn:aws:states:us-east-1:{owner}:stateMachine:m"
        times = {"ProcessorTimeout": "60", "DeadlineSeconds": "60", "RetryDelaySeconds": "1"}
        parameters = {"ChildType": "EXPRESS"} | times
        stack = Stack("a-stack", outputs | {"StateMachineArn": machine, "BatchBucketName": own.input}, parameters)
        connection.__dict__["stacks"] = {"sfn": stack}
        with expected:
            assert list(SfnBatches(connection).failed_items("b")) == []


def test_what_others_have_set_on_a_bucket_stays_and_a_second_time_nothing_is_put(own: Own):
    own.s3.create_bucket(Bucket=own.code)
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{own.code}/shared/*",
    }
    unnamed = {name: value for name, value in theirs.items() if name != "Sid"}
    outdated = {**theirs, "Sid": "OnlyOverTls"}
    policy = {"Version": "2012-10-17", "Id": "mine", "Statement": [theirs, outdated, unnamed]}
    own.s3.put_bucket_policy(Bucket=own.code, Policy=json.dumps(policy))
    rule = {"ID": "theirs", "Filter": {"Prefix": "shared/"}, "Status": "Enabled", "Expiration": {"Days": 7}}
    # Earlier versions let code expire, although it was deployed.
    old = expiring("code/", 365)
    own.s3.put_bucket_lifecycle_configuration(
        Bucket=own.code,
        LifecycleConfiguration={"Rules": [rule, old]},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    own.ensure_code()
    found = json.loads(own.s3.get_bucket_policy(Bucket=own.code)["Policy"])
    assert (found["Id"], found["Statement"][0], found["Statement"][2]) == ("mine", theirs, unnamed)
    assert (found["Statement"][1]["Sid"], found["Statement"][1]["Effect"]) == ("OnlyOverTls", "Deny")
    lifecycle = own.s3.get_bucket_lifecycle_configuration(Bucket=own.code)
    assert lifecycle["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert lifecycle["Rules"][0] == rule
    assert [each["ID"] for each in lifecycle["Rules"]] == ["theirs", "old-input", "parts"]
    expiring_at = {each["Filter"]["Prefix"] for each in lifecycle["Rules"][1:] if "Expiration" in each}
    assert expiring_at == {"input/"}
    assert all(own.s3.get_public_access_block(Bucket=own.code)["PublicAccessBlockConfiguration"].values())
    own.calls.clear()
    own.ensure_code()
    assert [operation for operation, _ in own.calls if operation.startswith("Put")] == []


def test_a_policy_of_a_single_statement_is_added_to(own: Own):
    own.s3.create_bucket(Bucket=own.code)
    theirs = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{own.code}/x"}
    own.s3.put_bucket_policy(Bucket=own.code, Policy=json.dumps({"Version": "2008-10-17", "Statement": theirs}))
    own.ensure_code()
    found = json.loads(own.s3.get_bucket_policy(Bucket=own.code)["Policy"])
    assert (found["Version"], found["Statement"][0], len(found["Statement"])) == ("2008-10-17", theirs, 2)


def test_input_expires_after_thirty_days_below_every_prefix_that_a_stack_was_given(own: Own):
    own.s3.create_bucket(Bucket=own.input)
    own.ensure_input("input/")
    own.ensure_input("orders/eu/")
    rules = own.s3.get_bucket_lifecycle_configuration(Bucket=own.input)["Rules"]
    days = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule}
    assert days == dict.fromkeys(("input/", "orders/eu/"), INPUT_DAYS)


def test_an_input_bucket_that_is_given_is_left_as_it_is(
    aws: Callable[[str], Any], connection: SandboxSession, suffix: str, own: Own
):
    own.s3.create_bucket(Bucket=own.input)
    made = deploy(connection, ("sqs",), {"InputBucket": own.input, "InputPrefix": "orders/"}, suffix)["sqs"]
    assert (made.outputs["InputBucketName"], made.outputs["InputPrefix"]) == (own.input, "orders/")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        own.s3.get_bucket_policy(Bucket=own.input)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        own.s3.get_bucket_lifecycle_configuration(Bucket=own.input)
