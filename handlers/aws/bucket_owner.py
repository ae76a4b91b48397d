"""Checks the owner of a bucket in every S3 call: a deleted bucket's name may belong to another account now.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

import functools
from typing import Any

from handlers.aws import Client, settings
from handlers.aws.clients import client


def expecting(s3: Client, owner: str) -> Client:
    """Make an S3 client name the account `owner` in every call: S3 refuses a bucket of another one (AccessDenied)."""

    def add_owner(params: dict[str, Any], model: Any, **_: Any) -> None:
        if "ExpectedBucketOwner" in model.input_shape.members:
            params["ExpectedBucketOwner"] = owner

    s3.meta.events.register("provide-client-params.s3", add_owner)
    return s3


@functools.cache
def own_s3() -> Client:
    """The S3 client for the buckets of the stack's own account; made once per environment."""
    return expecting(client("s3"), settings.text("ACCOUNT_ID"))
