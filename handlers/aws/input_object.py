"""A batch's input object in S3: checks it, pins its version, and reads the items of any part of it."""

import codecs
import functools
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from handlers.aws import Client, settings
from handlers.aws.bucket_owner import expecting
from handlers.aws.clients import client
from handlers.aws.telemetry import logger
from handlers.core.batch import InputObject, InvalidRequest
from handlers.core.files.encodings import UTF_8, Continued, marked_encoding, recoded
from handlers.core.files.formats import csv_items, json_items
from handlers.core.files.json_array import array_items
from handlers.core.files.lines import BLANK, Lines, lines_of_part
from handlers.core.files.look import HEAD_BYTES, is_gzipped, look
from handlers.core.files.names import reading_of
from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import Item
from handlers.core.quoting import quoted
from handlers.core.reading import Reading

# Estimates, because only reading would tell.
BYTES_PER_ITEM = 100
GZIP_RATIO = 10
# Deflate reaches 1,032 : 1, but lines of items stay far below 200 : 1.
MAX_EXPANSION = 200
EXPANSION_CHECKED_FROM = 100 * 1024 * 1024
BUFFER_BYTES = 64 * 1024
# What S3 may say of an object that is not packed.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
NO_PACKING = {"", "identity", "aws-chunked"}
SEND_AGAIN = "pack it again, or send it anew"
WHY = {
    "NoSuchKey": "there is no such object",
    # AWS says so too if the object is missing and the caller may not list the bucket.
    "AccessDenied": "there is none, or the stack may not read it or use its key (InputKeyArn), or it has another owner",
    "InvalidObjectState": "it is archived: restore it first",
}
# S3 refuses a call for now with a status from 500 on, or with one of these codes.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
NOT_NOW = {"ExpiredToken", "OperationAborted", "RequestTimeout", "SlowDown", "ThrottlingException"}


def pinned(source: InputObject) -> tuple[InputObject, int | None, int]:
    """The object with its ETag; its size, if parts of it can be read; its items, estimated.

    Raises InvalidRequest if it cannot be read, or is not the version any more that was pinned before.
    """
    try:
        reading = reading_of(source.key, source.reading)
    except Unreadable as unreadable:
        raise InvalidRequest(f"input.key: {source.key!r}: {unreadable}") from None
    # Not HeadObject: its errors have a status but no code, so the batcher could not tell whether to try again.
    answer = get(source)
    gzipped = is_packed(source, answer)
    with closing(io.BufferedReader(answer["Body"])) as body:
        head = body.read(HEAD_BYTES)
    try:
        if not look(source.key, head, source.reading, gzipped):
            logger.warning("the input has no items", place=place_of(source))
    except Unreadable as unreadable:
        raise unreadable.at(place_of(source)) from None
    length = answer["ContentLength"]
    estimate = math.ceil(length * (GZIP_RATIO if gzipped else 1) / BYTES_PER_ITEM)
    encoding = reading.encoding or marked_encoding(head)
    in_parts = can_be_cut(reading) and not gzipped and encoding in (None, *UTF_8)
    return replace(source, etag=answer["ETag"]), length if in_parts else None, estimate


def can_be_cut(reading: Reading) -> bool:
    """Whether a plain file can be read in parts: each line by itself, and its name without the lines before it."""
    return reading.format == "jsonl" and not reading.line_ids


def is_packed(source: InputObject, answer: Any) -> bool:
    """Whether an object is gzipped, by its name or by what S3 says of it. Raises InvalidRequest for other packings."""
    packings = {each.strip().lower() for each in answer.get("ContentEncoding", "").split(",")} - NO_PACKING
    if packings - {"gzip"}:
        found = quoted(answer["ContentEncoding"])
        raise InvalidRequest(f"input: {place_of(source)}: its Content-Encoding is {found}, and only gzip is read")
    return bool(packings) or is_gzipped(source.key)


def object_items(
    source: InputObject, first: int, last: int | None, skip: int, size: int | None = None, prefix: str = ""
) -> Iterator[Item]:
    """The items of the lines that begin in the bytes [first, last), without the first `skip` of them.

    Only plain JSON Lines can be read in parts; all else is read whole. Names of lines begin with `prefix`. Raises
    Unreadable where the content cannot be read any further, and InvalidRequest if the object cannot be read, or is not
    the one any more that was pinned, or has another `size`.
    """
    reading = reading_of(source.key, source.reading)
    try:
        with closing(opened(source, max(0, first - 1), size)) as content:
            if content.can_be_cut:
                lines = lines_of_part(content.stream, first, last)
                yield from json_items(lines, lambda: f"{prefix}byte-{lines.start}", skip, reading)
            else:
                yield from whole_items(content.stream, reading, skip, prefix)
    except Unreadable as unreadable:
        raise unreadable.at(place_of(source)) from None


def whole_items(stream: io.BufferedReader, reading: Reading, skip: int, prefix: str) -> Iterator[Item]:
    """The items of a file that is read from its beginning, without the first `skip`."""
    head = b""
    if reading.format == "json":
        while not head.strip(BLANK) and (one := stream.read(1)):
            head = (head + one).removeprefix(codecs.BOM_UTF8)
        if head.endswith(b"["):
            yield from array_items(stream, skip, reading, prefix)
            return
    lines = Lines(io.BufferedReader(Continued(head, stream), BUFFER_BYTES) if head else stream)
    if reading.format == "csv":
        yield from islice(csv_items(lines, reading, prefix), skip, None)
    else:
        yield from json_items(lines, lambda: f"{prefix}line-{lines.number}", skip, reading)


def place_of(source: InputObject) -> str:
    return f"s3://{source.bucket}/{source.key}"


@dataclass(frozen=True)
class Content:
    """The content of an object as UTF-8. If it can be cut, its bytes are the object's."""

    stream: io.BufferedReader
    can_be_cut: bool

    def close(self) -> None:
        self.stream.close()


def opened(source: InputObject, start: int = 0, size: int | None = None) -> Content:
    """The object's content from byte `start` on; if that is not 0, the object can be cut."""
    answer = get(source, **({"Range": f"bytes={start}-"} if start else {}))
    if start:
        return Content(io.BufferedReader(answer["Body"], BUFFER_BYTES), can_be_cut=True)
    if size not in (None, answer["ContentLength"]):
        found = f"it has {answer['ContentLength']:,} bytes, and {size:,} when it was listed"
        raise InvalidRequest(f"input: {place_of(source)} has changed: {found}")
    packed = is_packed(source, answer)
    body = io.BufferedReader(ExpandedBody(answer["Body"]) if packed else answer["Body"], BUFFER_BYTES)
    stream, plain = recoded(body, source.reading.encoding)
    return Content(stream, plain and not packed and can_be_cut(reading_of(source.key, source.reading)))


@functools.cache
def input_s3() -> Client:
    """The S3 client for the input bucket; made once per environment."""
    return expecting(client("s3"), settings.text("INPUT_BUCKET_OWNER"))


def refuse_other_places(source: InputObject) -> None:
    """Raise InvalidRequest for an object outside the stack's input bucket and prefix."""
    bucket, prefix = settings.text("INPUT_BUCKET"), settings.text("INPUT_PREFIX")
    if source.bucket != bucket:
        raise InvalidRequest(f"input.bucket: {source.bucket!r:.100} must be {bucket}, the stack's InputBucket")
    if not source.key.startswith(prefix):
        raise InvalidRequest(f"input.key: {source.key!r:.100} must begin with {prefix}, the stack's InputPrefix")


def get(source: InputObject, **arguments: str) -> Any:
    """S3's answer to GetObject for the pinned object.

    Raises InvalidRequest for a place that the stack does not read, and if another try would not help.
    """
    refuse_other_places(source)
    place = place_of(source)
    if source.etag:
        arguments["IfMatch"] = source.etag
    try:
        return input_s3().get_object(Bucket=source.bucket, Key=source.key, **arguments)
    except ParamValidationError:
        raise InvalidRequest(f"input: {place}: S3 has no object of such a name, one has 1 to 1,024 bytes") from None
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code, message = (error.response["Error"].get(name, "") for name in ("Code", "Message"))
        if status == 412:
            raise InvalidRequest(
                f"input: {place} changed while it was read: it is not {source.etag} any more"
            ) from error
        # Missing, forbidden, archived.
        if status < 500 and code not in NOT_NOW:
            raise InvalidRequest(f"input: cannot read {place}: {code}: {WHY.get(code, message)}") from error
        raise


class ExpandedBody(io.RawIOBase):
    """The content of a gzipped object. Raises Unreadable if it is damaged, or a bomb."""

    def __init__(self, body: Any):
        self._body = body
        self._content = gzip.GzipFile(fileobj=body)
        self._expanded = 0

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._body.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        try:
            # At most one read of the body, so that the content in front of the damage is not lost.
            count = self._content.readinto1(buffer)
        except EOFError:
            raise Unreadable("it is not whole: the gzip ends in the middle", SEND_AGAIN) from None
        except (gzip.BadGzipFile, zlib.error):
            raise Unreadable("it is not whole: the gzip is damaged", SEND_AGAIN) from None
        self._expanded += count
        if self._expanded > max(EXPANSION_CHECKED_FROM, MAX_EXPANSION * self._body.tell()):
            raise Unreadable(f"it expands more than {MAX_EXPANSION} times, as no file of items does")
        return count
