"""The bootstrap buckets of an account and region: one for code, one for the batches' input.

Neither the functions nor the suppliers of input may write to the bucket for code.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.aws import Session
from bootstrap.failures import DeployFailed, Failure
from handlers.aws.bucket_owner import expecting

type JsonObject = dict[str, Any]

INPUT_DAYS = 30
PRIVATE = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
PARTS = {
    "ID": "parts",
    "Filter": {"Prefix": ""},
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
# The rules of earlier versions, by which code expired a year after its upload although it was deployed.
OBSOLETE = ("old-code", "old-layer", "old-definition")


@dataclass(frozen=True)
class Buckets:
    """The buckets of one account and region. `s3` is a boto3 client that accesses buckets of this account only."""

    s3: Any
    account: str
    partition: str
    region: str
    progress: Callable[[str], None]

    @property
    def code(self) -> str:
        """The name of the bucket for code."""
        return f"rollcall-{self.account}-{self.region}"

    @property
    def input(self) -> str:
        """The name of the bucket for input, the default of the stacks."""
        return f"rollcall-input-{self.account}-{self.region}"

    def ensure_code(self) -> str:
        """Create the bucket for code if it is missing, and protect it; return its name.

        What is deployed never expires: without it a failed update could not be rolled back, and a stack that is a year
        old could not be changed.
        """
        # Earlier versions kept input here.
        return self.ensure(self.code, [expiring("input/", INPUT_DAYS)])

    def ensure_input(self, prefix: str) -> str:
        """Create the bucket for input if it is missing, and protect it; return its name. Objects at `prefix` expire."""
        return self.ensure(self.input, [expiring(prefix, INPUT_DAYS)])

    def ensure(self, name: str, rules: Iterable[JsonObject] = ()) -> str:
        """Create a bucket if it is missing, and protect it; return its name. Raises DeployFailed for another's."""
        if not self.exists(name):
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            self.s3.create_bucket(Bucket=name, **(elsewhere if self.region != "us-east-1" else {}))
            self.progress(f"bucket {name}: created")
        # Every time: an earlier run may have died before one of these.
        self._block_public_access(name)
        self._add_rules(name, [*rules, PARTS])
        self._add_statement(name)
        return name

    def exists(self, name: str) -> bool:
        """Whether this account has a bucket of that name. Raises DeployFailed if another account has it."""
        try:
            return answer_or_none(self.s3.head_bucket, "404", Bucket=name) is not None
        except ClientError as error:
            # Anyone can guess the names and create the buckets first.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            why = f"it does not belong to the account {self.account}, or you may not access it"
            raise refused_bucket(name, why) from error

    def _block_public_access(self, name: str) -> None:
        code = "NoSuchPublicAccessBlockConfiguration"
        found = answer_or_none(self.s3.get_public_access_block, code, Bucket=name)
        if not found or found["PublicAccessBlockConfiguration"] != PRIVATE:
            self.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=PRIVATE)

    def _add_rules(self, name: str, rules: list[JsonObject]) -> None:
        """Add rules to the bucket's lifecycle. A rule with the same ID is replaced, OBSOLETE ones go, others stay."""
        found = answer_or_none(
            self.s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=name
        )  # fmt: skip
        there: list[JsonObject] = found["Rules"] if found else []
        wanted = merged([rule for rule in there if rule.get("ID") not in OBSOLETE], rules, "ID")
        if wanted != there:
            # A put without this setting of the whole configuration would reset it.
            size = "TransitionDefaultMinimumObjectSize"
            kept = {size: found[size]} if found and size in found else {}
            self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": wanted}, **kept)

    def _add_statement(self, name: str) -> None:
        """Deny access without TLS. All other statements of the bucket's policy stay."""
        arn = f"arn:{self.partition}:s3:::{name}"
        tls_only = {
            "Sid": "OnlyOverTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        found = answer_or_none(self.s3.get_bucket_policy, "NoSuchBucketPolicy", Bucket=name)
        policy: JsonObject = json.loads(found["Policy"]) if found else {"Version": "2012-10-17", "Statement": []}
        statements = policy["Statement"]
        there: list[JsonObject] = statements if isinstance(statements, list) else [statements]
        wanted = merged(there, [tls_only], "Sid")
        if wanted != there:
            self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy | {"Statement": wanted}))

    def upload(self, key: str, body: bytes) -> None:
        """Put `body` at `key` of the code bucket, unless the checksum that S3 stored there is that of `body`.

        The existence of the key proves nothing: it is a hash of the content, which anyone can compute.
        """
        digest = b64encode(sha256(body).digest()).decode()
        there = answer_or_none(self.s3.head_object, "404", Bucket=self.code, Key=key, ChecksumMode="ENABLED")
        if there and there.get("ChecksumSHA256") == digest:
            return
        self.s3.put_object(Bucket=self.code, Key=key, Body=body, ChecksumSHA256=digest)
        place = f"s3://{self.code}/{key}"
        if there:
            held = f"SHA-256 {there['ChecksumSHA256']}" if "ChecksumSHA256" in there else "no SHA-256 checksum"
            self.progress(f"{place}: overwritten, since the object there had {held}, and ours has {digest}")
        else:
            self.progress(f"{place}: uploaded ({len(body):,} bytes)")

    def delete(self, prefix: str, but: str) -> None:
        """Delete the objects of the code bucket at `prefix`, except the one with the key `but`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.code, Prefix=prefix)
        for found in [found for page in pages for found in page.get("Contents", []) if found["Key"] != but]:
            self.s3.delete_object(Bucket=self.code, Key=found["Key"])


def refused_bucket(name: str, why: str) -> DeployFailed:
    """The failure of a bucket that is not used."""
    return DeployFailed([Failure("bootstrap", name, "AWS::S3::Bucket", "REFUSED", why)])


def buckets_of(session: Session, progress: Callable[[str], None]) -> Buckets:
    """The buckets of the session's account and region."""
    identity = session.client("sts").get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    return Buckets(expecting(session.client("s3"), account), account, partition, session.region_name, progress)


def expiring(prefix: str, days: int) -> JsonObject:
    """A lifecycle rule that deletes the objects below `prefix` after some days."""
    return {
        "ID": f"old-{prefix.removesuffix('/')}",
        "Filter": {"Prefix": prefix},
        "Status": "Enabled",
        "Expiration": {"Days": days},
    }


def merged(there: list[JsonObject], ours: list[JsonObject], name: str) -> list[JsonObject]:
    """The list `there`, in which ours replace those with the same `name`; new ones come last."""
    wanted = {entry[name]: entry for entry in ours}
    kept = [wanted.pop(entry.get(name), entry) for entry in there]
    return kept + list(wanted.values())


def answer_or_none(ask: Callable[..., Mapping[str, Any]], code: str, **what: Any) -> Any:
    """S3's answer; None for the error `code`. Raises ClientError for any other error."""
    try:
        return ask(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise
