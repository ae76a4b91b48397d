"""The file of a batch's chunks, one JSON array. Several invocations, one a round, may write it."""

from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws import Client
from handlers.core.batch import InvalidRequest, refuse_too_many
from handlers.core.items import Chunk
from handlers.core.json_text import JsonObject

# S3 takes no parts smaller than 5 MiB, except the last. One at a time saves memory.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024 * 1024
# An upload has 10,000 parts at most: the page above.
MAX_BYTES = 83_886_080_000
# The list of children, which is made of as many lengths, fits the batcher's memory and its disk of 512 MB.
MAX_CHUNKS = 5_000_000
SEPARATOR = ",\n"
# What a child's states begin a chunk with.
FIRST_ATTEMPT = '"attempt":1,"died":0'
# Each part's is sent with it, and S3 compares all of them at the end.
CHECKSUM = "CRC32"


@dataclass(frozen=True)
class Cursor:
    """Where the next round goes on: the parts uploaded so far, and the counts of their chunks as in BatcherOutput.

    `lengths` is the number of objects in which the rounds so far have stored the lengths of their chunks.
    """

    upload_id: str | None = None
    parts: int = 0
    bytes: int = 0
    items: int = 0
    chunks: int = 0
    smallest_chunk: int = 0
    last_chunk: int = 0
    lengths: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)

    def after(self, items: int) -> "Cursor":
        """The cursor after one more chunk of `items` items."""
        smallest = min(self.smallest_chunk or self.last_chunk, self.last_chunk)
        return replace(
            self, items=self.items + items, chunks=self.chunks + 1, smallest_chunk=smallest, last_chunk=items
        )


class _UploadGone(Exception):
    """The upload was aborted, as S3 does when it is old: its parts are gone."""


class ChunkWriter:
    """Writes one object of at most `max_items` items, from `cursor` on.

    Every try cuts the parts between the same chunks. So a repeated round uploads the same parts again, under the same
    numbers.
    """

    def __init__(self, client: Client, bucket: str, key: str, cursor: Cursor, max_items: int):
        self.client = client
        self.place: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self.cursor = cursor
        self.max_items = max_items
        self.lengths = array("I")
        """The bytes of each chunk that this round has written, in the file's order; of those behind `cursor` too."""
        self._first, self._completed = cursor.chunks, False

    def write(self, chunks: Iterable[Chunk], has_time: Callable[[], bool]) -> bool:
        """Write the chunks that follow the cursor; false if a next round has to go on from `cursor`.

        Time has run out after at least one part; or the upload is gone, and `cursor` is at the beginning again. Raises
        InvalidRequest for too many items or chunks, or more than an upload may have.
        """
        try:
            return self._write(chunks, has_time)
        except _UploadGone:
            self.cursor = Cursor()
            return False

    def _write(self, chunks: Iterable[Chunk], has_time: Callable[[], bool]) -> bool:
        first_part, counted = self.cursor.parts, self.cursor
        texts: list[bytes] = []
        size = 0
        for chunk in chunks:
            text = f'{{"seq":{chunk.seq},{FIRST_ATTEMPT},"items":[{",".join(chunk.items)}]}}'.encode()
            texts += [SEPARATOR.encode() if counted.chunks else b"[", text]
            size += len(texts[-2]) + len(text)
            self.lengths.append(len(text))
            counted = counted.after(len(chunk.items))
            refuse_too_many(counted.items, self.max_items)
            refuse_too_many_chunks(counted.chunks)
            if size >= PART_BYTES:
                counted = self._put_part(b"".join(texts), counted)
                self.cursor = counted
                texts, size = [], 0
            if self.cursor.parts > first_part and not has_time():
                return False
        if counted.parts:
            counted = self._put_part(b"".join([*texts, b"]"]), counted)
            self._complete(counted.upload_id)
        elif counted.chunks:
            self.client.put_object(**self.place, Body=b"".join([*texts, b"]"]))
            counted = replace(counted, bytes=size)
        self.cursor = counted
        return True

    def lengths_so_far(self) -> list[int]:
        """The lengths of the chunks that this round has written before `cursor`: those for the next round to keep."""
        return self.lengths[: max(0, self.cursor.chunks - self._first)].tolist()

    def abandon(self) -> None:
        """Delete the parts uploaded so far: the batch cannot be made."""
        if self.cursor.upload_id:
            # They are gone if an earlier try of this round, which died, has deleted them.
            with suppress(self.client.exceptions.NoSuchUpload):
                self.client.abort_multipart_upload(**self.place, UploadId=self.cursor.upload_id)

    def _put_part(self, text: bytes, cursor: Cursor) -> Cursor:
        size = cursor.bytes + len(text)
        if size > MAX_BYTES:
            raise InvalidRequest(
                f"its first {cursor.items:,} items make {size:,} bytes of chunks, and S3 takes {MAX_BYTES:,} in "
                f"parts of {PART_BYTES:,}: split it into several batches, or run it on the SQS stack"
            )
        upload_id = cursor.upload_id or self._begin()
        cursor = replace(cursor, upload_id=upload_id, parts=cursor.parts + 1, bytes=size)
        part = {"UploadId": upload_id, "PartNumber": cursor.parts, "Body": text, "ChecksumAlgorithm": CHECKSUM}
        self._unless_completed(lambda: self.client.upload_part(**self.place, **part))
        return cursor

    def _begin(self) -> str:
        upload_id: str = self.client.create_multipart_upload(**self.place, ChecksumAlgorithm=CHECKSUM)["UploadId"]
        return upload_id

    def _complete(self, upload_id: str | None) -> None:
        def complete() -> None:
            # Listed rather than remembered: an ETag for every part would not fit into the state machine's state.
            pages = self.client.get_paginator("list_parts").paginate(**self.place, UploadId=upload_id)
            needed = ("PartNumber", "ETag", f"Checksum{CHECKSUM}")
            parts = [{name: part[name] for name in needed} for page in pages for part in page["Parts"]]
            self.client.complete_multipart_upload(**self.place, UploadId=upload_id, MultipartUpload={"Parts": parts})

        self._unless_completed(complete)

    def _unless_completed(self, call: Callable[[], object]) -> None:
        """Make a call to the upload, unless an earlier try of this round, which died, has completed the upload.

        Raises _UploadGone.
        """
        if self._completed:
            return
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            if not self._is_there():
                raise _UploadGone from error
            self._completed = True

    def _is_there(self) -> bool:
        try:
            self.client.head_object(**self.place)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return False
        return True


def refuse_too_many_chunks(chunks: int) -> None:
    """Raise InvalidRequest for more chunks than a batch may have."""
    if chunks > MAX_CHUNKS:
        raise InvalidRequest(
            f"it has more than {MAX_CHUNKS:,} chunks: raise itemsPerChunk, split it, or run it on the SQS stack"
        )
