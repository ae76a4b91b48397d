"""A batch's input object in S3: what it is, and its items from any part of it."""

import functools
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice

import boto3
from botocore.exceptions import ClientError, ParamValidationError

from handlers import settings
from handlers.batch import InputObject, InvalidRequest
from handlers.bucket_owner import expecting
from handlers.formats import csv_items, json_items
from handlers.lines import Lines, lines_of_part

# Estimates, where only reading would tell.
BYTES_PER_ITEM = 100
GZIP_RATIO = 10
# Deflate reaches 1,032 : 1, lines of items stay far below 200 : 1.
MAX_EXPANSION = 200
EXPANSION_CHECKED_FROM = 100 * 1024 * 1024
BUFFER_BYTES = 64 * 1024
# What S3 cannot do now has a status from 500 on, or one of these codes.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
NOT_NOW = {"ExpiredToken", "OperationAborted", "RequestTimeout", "SlowDown", "ThrottlingException"}


def is_gzipped(source: InputObject) -> bool:
    return source.key.endswith(".gz")


def is_csv(source: InputObject) -> bool:
    """Whether it is CSV, not JSON Lines, by its key's ending. Raises InvalidRequest when it is neither."""
    name = source.key.removesuffix(".gz")
    if not name.endswith((".jsonl", ".csv")):
        raise InvalidRequest(f"input.key: {source.key!r} must end in .jsonl, .csv, .jsonl.gz or .csv.gz")
    return name.endswith(".csv")


def pinned(source: InputObject) -> tuple[InputObject, int | None, int]:
    """The object with its present ETag; its bytes if any part of it can be read by itself; an estimate of its items.

    Raises InvalidRequest when it cannot be read, or is not any more the one that was pinned before.
    """
    whole_only = is_csv(source) or is_gzipped(source)
    # Not HeadObject: what it cannot do has a status and no code, so that nobody knows whether to ask again.
    answer = get(source)
    answer["Body"].close()
    length = answer["ContentLength"]
    estimate = math.ceil(length * (GZIP_RATIO if is_gzipped(source) else 1) / BYTES_PER_ITEM)
    return replace(source, etag=answer["ETag"]), None if whole_only else length, estimate


def object_items(source: InputObject, first: int, last: int | None, skip: int) -> Iterator[dict]:
    """The items of the lines that begin in the bytes [first, last), without the first `skip` of them.

    Only plain JSON Lines can be read in parts; anything else is read whole. Raises InvalidRequest when the object
    cannot be read, or was changed since it was pinned.
    """
    if is_csv(source):
        with closing(opened(source)) as stream:
            yield from islice(csv_items(Lines(stream)), skip, None)
    elif is_gzipped(source):
        with closing(opened(source)) as stream:
            lines = Lines(stream)
            yield from json_items(lines, lambda: f"line-{lines.number}", skip)
    else:
        with closing(opened(source, max(0, first - 1))) as stream:
            lines = lines_of_part(stream, first, last)
            yield from json_items(lines, lambda: f"byte-{lines.start}", skip)


def opened(source: InputObject, start: int = 0) -> io.BufferedReader:
    """The object's content from byte `start` on, expanded if it is gzipped."""
    body = get(source, **({"Range": f"bytes={start}-"} if start else {}))["Body"]
    raw = Expanded(body, source) if is_gzipped(source) else body
    return io.BufferedReader(raw, BUFFER_BYTES)


@functools.cache
def client():
    """S3 for the input bucket, made once an environment."""
    return expecting(boto3.client("s3"), settings.text("INPUT_BUCKET_OWNER"))


def refuse_other_places(source: InputObject) -> None:
    """Raise InvalidRequest for an object that is not in the stack's input bucket, below its prefix."""
    bucket, prefix = settings.text("INPUT_BUCKET"), settings.text("INPUT_PREFIX")
    if source.bucket != bucket:
        raise InvalidRequest(f"input.bucket: {source.bucket!r:.100} must be {bucket}, the stack's InputBucket")
    if not source.key.startswith(prefix):
        raise InvalidRequest(f"input.key: {source.key!r:.100} must begin with {prefix}, the stack's InputPrefix")


def get(source: InputObject, **arguments: str) -> dict:
    """S3's answer to GetObject for the pinned object.

    Raises InvalidRequest when the stack reads nothing there, or asking again does not help.
    """
    refuse_other_places(source)
    place = f"s3://{source.bucket}/{source.key}"
    if source.etag:
        arguments["IfMatch"] = source.etag
    try:
        return client().get_object(Bucket=source.bucket, Key=source.key, **arguments)
    except ParamValidationError as error:
        raise InvalidRequest(f"input: {place}: {error}") from error
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code, message = (error.response["Error"].get(name, "") for name in ("Code", "Message"))
        if status == 412:
            raise InvalidRequest(
                f"input: {place} changed while it was read: it is not {source.etag} any more"
            ) from error
        # Missing, forbidden, archived.
        if status < 500 and code not in NOT_NOW:
            raise InvalidRequest(f"input: cannot read {place}: {code} {message}") from error
        raise


class Expanded(io.RawIOBase):
    """Content of a gzipped object. Raises InvalidRequest when it is damaged, or a bomb."""

    def __init__(self, body, source: InputObject):
        self._body = body
        self._content = gzip.GzipFile(fileobj=body)
        self._place = f"s3://{source.bucket}/{source.key}"
        self._expanded = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._body.close()
        super().close()

    def readinto(self, buffer) -> int:
        try:
            count = self._content.readinto(buffer)
        except (gzip.BadGzipFile, zlib.error, EOFError) as broken:
            raise InvalidRequest(f"input: {self._place} is not whole: {broken}") from broken
        self._expanded += count
        if self._expanded > max(EXPANSION_CHECKED_FROM, MAX_EXPANSION * self._body.tell()):
            raise InvalidRequest(
                f"input: {self._place} expands more than {MAX_EXPANSION} times, as no file of items does"
            )
        return count
