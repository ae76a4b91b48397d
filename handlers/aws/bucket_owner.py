"""Whose bucket a call to S3 means: a name alone may have been given up and taken by somebody else.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from typing import Any

import boto3

from handlers.aws import settings


def expecting(client: Any, owner: str) -> Any:
    """Have boto3's client for S3 name the account `owner` in every call: S3 refuses (AccessDenied) others' buckets."""

    def add_owner(params: dict, model: Any, **_: Any) -> None:
        if "ExpectedBucketOwner" in model.input_shape.members:
            params["ExpectedBucketOwner"] = owner

    client.meta.events.register("provide-client-params.s3", add_owner)
    return client


def own_s3() -> Any:
    """A client for the buckets of the stack's own account."""
    return expecting(boto3.client("s3"), settings.text("ACCOUNT_ID"))
