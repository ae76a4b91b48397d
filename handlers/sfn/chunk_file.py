"""The Distributed Map's input, one JSON array of chunks. Several invocations, one a round, may write it."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from handlers.aws import Client
from handlers.core.batch import InvalidRequest, refuse_too_many
from handlers.core.items import Chunk
from handlers.core.json_text import JsonObject

# S3 takes no parts smaller than 5 MiB, except the last. 10,000 of these hold 80 GB, and one at a time saves memory.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024 * 1024
MAX_PARTS = 10_000


@dataclass(frozen=True)
class Cursor:
    """Where the next round goes on: the parts uploaded so far, and the counts of their chunks as in BatcherOutput."""

    upload_id: str | None = None
    parts: int = 0
    items: int = 0
    chunks: int = 0
    smallest_chunk: int = 0
    last_chunk: int = 0

    def to_json(self) -> JsonObject:
        return asdict(self)

    def after(self, items: int) -> "Cursor":
        """The cursor after one more chunk of `items` items."""
        smallest = min(self.smallest_chunk or self.last_chunk, self.last_chunk)
        return replace(
            self, items=self.items + items, chunks=self.chunks + 1, smallest_chunk=smallest, last_chunk=items
        )


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
        self._completed = False

    def write(self, chunks: Iterable[Chunk], has_time: Callable[[], bool]) -> bool:
        """Write the chunks that follow the cursor; false if time ran out: the next round goes on from `cursor`.

        A round uploads at least one part. Raises InvalidRequest for too many items, or more than an object holds.
        """
        first_part, counted = self.cursor.parts, self.cursor
        texts: list[bytes] = []
        size = 0
        for chunk in chunks:
            text = f'{",\n" if counted.chunks else "["}{{"seq":{chunk.seq},"items":[{",".join(chunk.items)}]}}'.encode()
            texts.append(text)
            size += len(text)
            counted = counted.after(len(chunk.items))
            refuse_too_many(counted.items, self.max_items)
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
        self.cursor = counted
        return True

    def abandon(self) -> None:
        """Delete the parts uploaded so far: the batch cannot be made."""
        if self.cursor.upload_id:
            self.client.abort_multipart_upload(**self.place, UploadId=self.cursor.upload_id)

    def _put_part(self, text: bytes, cursor: Cursor) -> Cursor:
        if cursor.parts == MAX_PARTS:
            raise InvalidRequest(f"its items are more than the {MAX_PARTS * PART_BYTES:,} bytes that one object holds")
        upload_id = cursor.upload_id or self.client.create_multipart_upload(**self.place)["UploadId"]
        cursor = replace(cursor, upload_id=upload_id, parts=cursor.parts + 1)
        part = {"UploadId": upload_id, "PartNumber": cursor.parts, "Body": text}
        self._unless_completed(lambda: self.client.upload_part(**self.place, **part))
        return cursor

    def _complete(self, upload_id: str | None) -> None:
        def complete() -> None:
            # Listed rather than remembered: an ETag for every part would not fit into the state machine's state.
            pages = self.client.get_paginator("list_parts").paginate(**self.place, UploadId=upload_id)
            parts = [
                {"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for page in pages for part in page["Parts"]
            ]
            self.client.complete_multipart_upload(**self.place, UploadId=upload_id, MultipartUpload={"Parts": parts})

        self._unless_completed(complete)

    def _unless_completed(self, call: Callable[[], object]) -> None:
        """Make a call to the upload, unless an earlier try of this round, which died, has completed the upload."""
        if self._completed:
            return
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            self._completed = True
