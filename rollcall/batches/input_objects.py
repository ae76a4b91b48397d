"""Objects of a stack's input bucket as the input of a batch: one of them, or all below a prefix."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any

from botocore.exceptions import ClientError

from bootstrap.problem import Problem
from costs.format import count
from handlers.core.files.look import HEAD_BYTES, is_gzipped, look
from handlers.core.files.unreadable import Unreadable
from handlers.core.items import object_id
from handlers.core.json_text import Item, JsonObject
from handlers.core.quoting import shown
from handlers.core.reading import Reading
from rollcall.target.connection import Connection, Stack

REFUSED = {
    "NoSuchKey": ("there is no such object", "for all objects below it, end it with /"),
    "404": ("there is no such object", "for all objects below it, end it with /"),
    "AccessDenied": ("you may not read it", "reading takes s3:GetObject, a prefix s3:ListBucket, on the input bucket"),
    "403": ("you may not read it", "reading takes s3:GetObject, a prefix s3:ListBucket, on the input bucket"),
}


@dataclass(frozen=True)
class S3Place:
    """An object, or with a key that ends in / or * all objects whose keys begin with what stands before."""

    bucket: str
    key: str
    is_prefix: bool = False

    @classmethod
    def parse(cls, name: str) -> "S3Place":
        """The place that `s3://bucket/key` names. Raises Problem."""
        bucket, _, key = name.removeprefix("s3://").partition("/")
        if not bucket:
            raise Problem(f"--input {shown(name)}: names no bucket", "an object is s3://BUCKET/KEY")
        if not key or key.endswith(("/", "*")):
            return cls(bucket, key.removesuffix("*"), is_prefix=True)
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def problem(self, found: str, hint: str = "") -> Problem:
        return Problem(f"--input {shown(str(self))}: {found}", hint)


class Listing:
    """Finds and lists objects of a stack's input bucket, and tells `say` how many. Raises Problem for other places.

    What the batch itself uploads to its `folder` is not listed.
    """

    def __init__(self, connection: Connection, stack: Stack, folder: str, say: Callable[[str], None]):
        self._stack = stack
        self._folder = folder
        self._say = say
        self._bucket = stack.outputs["InputBucketName"]
        self._s3 = connection.s3(stack.outputs["InputBucketOwner"])

    def entry_of(self, place: S3Place, reading: Reading | None = None) -> JsonObject:
        """The entry of an object in a list of files. With a `reading` the object is looked at as a file of items."""
        self._refuse_elsewhere(place)
        try:
            answer = self._s3.get_object(Bucket=place.bucket, Key=place.key)
            with closing(answer["Body"]) as body:
                head = body.read(HEAD_BYTES) if reading else b""
        except ClientError as error:
            raise self._refused(place, error) from None
        if reading:
            gzipped = is_gzipped(place.key) or "gzip" in answer.get("ContentEncoding", "")
            try:
                look(place.key.rpartition("/")[2], head, reading, gzipped)
            except Unreadable as unreadable:
                where = f"{unreadable.where}: " if unreadable.where else ""
                raise place.problem(where + unreadable.found, unreadable.hint) from None
        return {"key": place.key, "size": answer["ContentLength"], "etag": answer["ETag"]}

    def files_below(self, place: S3Place) -> Iterator[JsonObject]:
        """The entries of all objects below a prefix in a list of files."""
        for found in self._below(place):
            yield {"key": found["Key"], "size": found["Size"], "etag": found["ETag"]}

    def items_below(self, place: S3Place) -> Iterator[Item]:
        """An item for each object below a prefix."""
        most = int(self._stack.parameters["MaxItems"])
        for number, found in enumerate(self._below(place), 1):
            if number > most:
                hint = "raise it: `rollcall up --parameter MaxItems=N`; or name a longer prefix"
                raise place.problem(f"more objects than MaxItems of {self._stack.name}, {most:,}", hint)
            yield {
                "id": object_id(found["Key"]),
                "bucket": place.bucket,
                "key": found["Key"],
                "size": found["Size"],
                "etag": found["ETag"].strip('"'),
                "lastModified": found["LastModified"].isoformat(),
            }

    def put(self, key: str, entries: Iterable[Any]) -> JsonObject:
        """Upload entries as JSON Lines; returns their place. Raises Problem."""
        with TemporaryFile() as file:
            for entry in entries:
                file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            file.seek(0)
            try:
                self._s3.upload_fileobj(file, self._bucket, key)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                raise Problem(
                    f"s3://{self._bucket} refused the list of the input: {code}", "it takes s3:PutObject"
                ) from None
        return {"bucket": self._bucket, "key": key}

    def _below(self, place: S3Place) -> Iterator[Any]:
        """What ListObjectsV2 tells of all objects below a prefix, in the order of their keys; folders are left out."""
        self._refuse_elsewhere(place)
        number = 0
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
        try:
            for page in pages:
                for found in page.get("Contents", ()):
                    is_folder = found["Key"].endswith("/") and not found["Size"]
                    if not is_folder and not found["Key"].startswith(self._folder):
                        number += 1
                        yield found
                self._say(f"{count(number, 'object')} listed")
        except ClientError as error:
            raise self._refused(place, error) from None
        if not number:
            raise place.problem("there is no object below it")

    def _refuse_elsewhere(self, place: S3Place) -> None:
        prefix = self._stack.outputs["InputPrefix"]
        if place.bucket != self._bucket or not place.key.startswith(prefix):
            raise place.problem(
                f"the stack reads s3://{self._bucket}/{prefix} alone",
                "copy it there, or deploy with other --parameter InputBucket=... and InputPrefix=...",
            )

    def _refused(self, place: S3Place, error: ClientError) -> Problem:
        code = error.response["Error"]["Code"]
        found, hint = REFUSED.get(code, (f"S3 refused it: {code}", "see `rollcall status`"))
        return place.problem(found, hint)
