"""The bucket of ResultsBucket: made and protected where it is missing, left as it is where it is there, or refused."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap.aws import SandboxSession, session
from bootstrap.bucket import buckets_of
from bootstrap.destroy import empty
from bootstrap.failures import DeployFailed
from bootstrap.results_bucket import ensure_results
from sandbox.state import Sandbox
from tests.e2e.deployed import deploy

KEY = "arn:aws:kms:us-east-1:000000000000:key/1"


@pytest.fixture
def connection(sandbox: Sandbox) -> SandboxSession:
    return session(sandbox.endpoint)  # type: ignore[return-value]


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> Iterator[str]:
    """The name of a bucket that does not exist, and that is deleted at the end."""
    name = f"results-{uuid.uuid4().hex[:12]}"
    yield name
    try:
        empty(aws("s3"), name)
        aws("s3").delete_bucket(Bucket=name)
    except aws("s3").exceptions.NoSuchBucket:
        pass


def test_a_missing_results_bucket_is_made_private_and_for_tls_only(
    connection: SandboxSession, aws: Callable[[str], Any], bucket: str
):
    said: list[str] = []
    ensure_results(buckets_of(connection, said.append), {"ResultsBucket": bucket})
    assert said == [f"bucket {bucket}: created"]
    access = aws("s3").get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert len(access) == 4
    assert all(access.values())
    [statement] = json.loads(aws("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_results_bucket_of_the_users_own_is_left_as_it_is(
    connection: SandboxSession, aws: Callable[[str], Any], bucket: str
):
    aws("s3").create_bucket(Bucket=bucket)
    ensure_results(buckets_of(connection, print), {"ResultsBucket": bucket, "ResultsKeyArn": KEY})
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        aws("s3").get_bucket_policy(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        aws("s3").get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_deploy_refuses_a_results_bucket_of_another_account_by_name_before_it_makes_anything(
    connection: SandboxSession, sandbox: Sandbox, bucket: str
):
    stranger = boto3.client(
        "s3", endpoint_url=sandbox.endpoint, region_name="us-east-1", aws_access_key_id="111111111111",
        aws_secret_access_key="test",
    )  # fmt: skip
    stranger.create_bucket(Bucket=bucket)
    said: list[str] = []
    with pytest.raises(DeployFailed, match=rf"{bucket} \(AWS::S3::Bucket\) REFUSED: it does not belong to the account"):
        deploy(connection, parameters={"ResultsBucket": bucket}, suffix="Refused", progress=said.append)
    assert said == []
    stranger.delete_bucket(Bucket=bucket)


def test_a_missing_results_bucket_that_a_key_is_to_encrypt_is_left_to_the_user(
    connection: SandboxSession, aws: Callable[[str], Any], bucket: str
):
    with pytest.raises(DeployFailed, match=f"it does not exist, and ResultsKeyArn={KEY} is to encrypt it: create it"):
        ensure_results(buckets_of(connection, print), {"ResultsBucket": bucket, "ResultsKeyArn": KEY})
    with pytest.raises(ClientError, match="404"):
        aws("s3").head_bucket(Bucket=bucket)
