"""The bootstrap buckets of an account and region: one for code, which no function and no supplier of input may write,
and one for the batches' real items.
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

CODE_DAYS = 365
INPUT_DAYS = 30
PRIVATE = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
PARTS = {
    "ID": "parts",
    "Filter": {"Prefix": ""},
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}


@dataclass(frozen=True)
class Buckets:
    """The buckets of one account and region. `s3` is boto3's client, for buckets of this account only."""

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
        """The name of the bucket for input, which stacks have that are given no other."""
        return f"rollcall-input-{self.account}-{self.region}"

    def ensure_code(self) -> str:
        """Make, if need be, and protect the bucket for code; return its name. Old code expires."""
        # Input lay here in former versions.
        days = {"code/": CODE_DAYS, "definition/": CODE_DAYS, "input/": INPUT_DAYS}
        return self._ensure(self.code, (expiring(prefix, after) for prefix, after in days.items()))

    def ensure_input(self, prefix: str) -> str:
        """Make, if need be, and protect the bucket for input; return its name. What lies below `prefix` expires."""
        return self._ensure(self.input, [expiring(prefix, INPUT_DAYS)])

    def _ensure(self, name: str, rules: Iterable[dict]) -> str:
        try:
            found = answer_or_none(self.s3.head_bucket, "404", Bucket=name)
        except ClientError as error:
            # The names can be guessed.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            why = f"it belongs to another account than {self.account}, or you may not see it"
            raise DeployFailed([Failure("bootstrap", name, "AWS::S3::Bucket", "REFUSED", why)]) from error
        if not found:
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            self.s3.create_bucket(Bucket=name, **(elsewhere if self.region != "us-east-1" else {}))
            self.progress(f"bucket {name}: created")
        # Every time: an earlier run may have ended in between.
        self._block_public_access(name)
        self._add_rules(name, [*rules, PARTS])
        self._add_statement(name)
        return name

    def _block_public_access(self, name: str) -> None:
        code = "NoSuchPublicAccessBlockConfiguration"
        found = answer_or_none(self.s3.get_public_access_block, code, Bucket=name)
        if not found or found["PublicAccessBlockConfiguration"] != PRIVATE:
            self.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=PRIVATE)

    def _add_rules(self, name: str, rules: list[dict]) -> None:
        """Add to the bucket's lifecycle; a rule of the same ID is replaced, all others stay."""
        found = answer_or_none(
            self.s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=name
        )  # fmt: skip
        there: list[dict] = found["Rules"] if found else []
        wanted = merged(there, rules, "ID")
        if wanted != there:
            # A setting of the whole configuration, which a put without it would reset.
            size = "TransitionDefaultMinimumObjectSize"
            kept = {size: found[size]} if found and size in found else {}
            self.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": wanted}, **kept)

    def _add_statement(self, name: str) -> None:
        """Let the bucket be reached over TLS only; all other statements of its policy stay."""
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
        policy: dict = json.loads(found["Policy"]) if found else {"Version": "2012-10-17", "Statement": []}
        said = policy["Statement"]
        there: list[dict] = said if isinstance(said, list) else [said]
        wanted = merged(there, [tls_only], "Sid")
        if wanted != there:
            self.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy | {"Statement": wanted}))

    def upload(self, key: str, body: bytes) -> None:
        """Put `body` at `key` of the code bucket, unless S3 has its very bytes there by the checksum it stored.

        The key is named after the content and can be computed by everybody: what is there proves nothing.
        """
        digest = b64encode(sha256(body).digest()).decode()
        there = answer_or_none(self.s3.head_object, "404", Bucket=self.code, Key=key, ChecksumMode="ENABLED")
        if there and there.get("ChecksumSHA256") == digest:
            return
        self.s3.put_object(Bucket=self.code, Key=key, Body=body, ChecksumSHA256=digest)
        place = f"s3://{self.code}/{key}"
        if there:
            held = f"SHA-256 {there['ChecksumSHA256']}" if "ChecksumSHA256" in there else "no SHA-256 checksum"
            self.progress(f"{place}: overwritten, since what was there had {held}, and ours has {digest}")
        else:
            self.progress(f"{place}: uploaded ({len(body):,} bytes)")


def buckets_of(session: Session, progress: Callable[[str], None]) -> Buckets:
    """The buckets of the session's account and region."""
    identity = session.client("sts").get_caller_identity()
    account, partition = identity["Account"], identity["Arn"].split(":")[1]
    return Buckets(expecting(session.client("s3"), account), account, partition, session.region_name, progress)


def expiring(prefix: str, days: int) -> dict:
    """A lifecycle rule for what lies below `prefix`."""
    return {
        "ID": f"old-{prefix.removesuffix('/')}",
        "Filter": {"Prefix": prefix},
        "Status": "Enabled",
        "Expiration": {"Days": days},
    }


def merged(there: list[dict], ours: list[dict], name: str) -> list[dict]:
    """What is there, unchanged and in its order, but for ours in the places of those with the same `name`; new last."""
    wanted = {each[name]: each for each in ours}
    kept = [wanted.pop(each.get(name), each) for each in there]
    return kept + list(wanted.values())


def answer_or_none(ask: Callable[..., Mapping], code: str, **what: Any) -> Any:
    """S3's answer; None where it answers with the error `code`. Raises ClientError for any other."""
    try:
        return ask(**what)
    except ClientError as error:
        if error.response["Error"]["Code"] == code:
            return None
        raise
