"""JSON objects in a bucket, some of which are written only on a condition."""

import json
from collections.abc import Iterator

from botocore.exceptions import ClientError

LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict"}
MISSING = {"NoSuchKey", "404"}


class JsonObjects:
    """`client` is boto3's for S3."""

    def __init__(self, client, bucket: str):
        self.client = client
        self.bucket = bucket

    def put(self, key: str, value: dict, **condition: str) -> None:
        """Write an object; `condition` as PutObject takes it."""
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=json.dumps(value).encode(), ContentType="application/json", **condition
        )

    def put_new(self, key: str, value: dict) -> bool:
        """Write an object that is not there yet; false if somebody else did."""
        return self.put_if(key, value, IfNoneMatch="*")

    def put_if(self, key: str, value: dict, **condition: str) -> bool:
        """Write an object if `condition` holds; false if it does not."""
        try:
            self.put(key, value, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        return True

    def get(self, key: str) -> tuple[dict, str]:
        """The object's value and ETag."""
        answer = self.client.get_object(Bucket=self.bucket, Key=key)
        return json.load(answer["Body"]), answer["ETag"]

    def find(self, key: str) -> tuple[dict, str] | None:
        """The object's value and ETag, if it is there."""
        try:
            return self.get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise

    def names(self, folder: str, after: str = "", most: int = 1000) -> Iterator[str]:
        """What follows `folder` in the keys that begin with it and come after `after`; in order, `most` in a call."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=folder, StartAfter=folder + after, PaginationConfig={"PageSize": most}
        )
        return (found["Key"].removeprefix(folder) for page in pages for found in page.get("Contents", []))
