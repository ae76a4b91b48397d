"""The bootstrap bucket: holds the functions' code, the state machine's definition and the batches' real items."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.aws import Session

LIFECYCLE = [
    {"ID": f"old-{prefix}", "Filter": {"Prefix": f"{prefix}/"}, "Status": "Enabled", "Expiration": {"Days": 365}}
    for prefix in ("code", "definition")
] + [{"ID": "parts", "Filter": {}, "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]
PRIVATE = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def ensure_bucket(session: Session, progress: Callable[[str], None]) -> str:
    """Make, if need be, and protect the bootstrap bucket of this account and region; return its name."""
    identity = session.client("sts").get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    region = session.region_name
    name = f"rollcall-{account}-{region}"
    s3 = session.client("s3")
    # The name can be guessed, so make sure that the bucket is not somebody else's.
    if not exists(s3.head_bucket, Bucket=name, ExpectedBucketOwner=account):
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
        s3.create_bucket(Bucket=name, **elsewhere)
        progress(f"bucket {name}: created")
    protect(s3, name, partition)  # every time: an earlier run may have ended between the two
    return name


def protect(s3: Any, name: str, partition: str) -> None:
    """No public access, TLS only, and no old code for ever. S3 itself encrypts every object."""
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(PRIVATE, True))
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": LIFECYCLE})
    arn = f"arn:{partition}:s3:::{name}"
    statement = {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def upload(s3: Any, bucket: str, key: str, content: Callable[[], bytes], progress: Callable[[str], None]) -> None:
    """Put `content()` at `key`, which is named after it: if something is there, it is that already."""
    if exists(s3.head_object, Bucket=bucket, Key=key):
        return
    body = content()
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    progress(f"s3://{bucket}/{key}: uploaded ({len(body):,} bytes)")


def exists(head: Callable[..., Any], **what: str) -> bool:
    """Whether a head request finds what it asks for. Raises ClientError when S3 refuses to say."""
    try:
        head(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True
