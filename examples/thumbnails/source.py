"""The items of a batch: the photos in the bucket."""

import os
from collections.abc import Iterator
from typing import Any

import boto3


def items(request: Any) -> Iterator[dict[str, Any]]:
    """Yield an item for each object below photos/. S3 lists them in the order of their keys, always the same."""
    pages = boto3.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=os.environ["PHOTO_BUCKET"], Prefix="photos/"):
        for found in page.get("Contents", []):
            yield {"id": found["Key"]}
