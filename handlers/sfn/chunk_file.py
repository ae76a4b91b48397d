"""The Distributed Map's input, one JSON array of chunks, written in rounds by as many invocations as it takes."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

from botocore.exceptions import ClientError

from handlers.core.batch import InvalidRequest, refuse_too_many
from handlers.core.items import Chunk

# S3 takes no smaller parts than 5 MiB but the last. 10,000 of these hold 80 GB, and one at a time keeps memory flat.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PART_BYTES = 8 * 1024 * 1024
MAX_PARTS = 10_000


@dataclass(frozen=True)
class Cursor:
    """Where the next round goes on: parts uploaded so far, and counts of the chunks in them as in Made."""

    upload_id: str | None = None
    parts: int = 0
    items: int = 0
    chunks: int = 0
    smallest_chunk: int = 0
    last_chunk: int = 0

    def to_json(self) -> dict:
        return asdict(self)

    def after(self, items: int) -> "Cursor":
        """With one more chunk of so many items."""
        smallest = min(self.smallest_chunk or self.last_chunk, self.last_chunk)
        return replace(
            self, items=self.items + items, chunks=self.chunks + 1, smallest_chunk=smallest, last_chunk=items
        )


class ChunkWriter:
    """Writes one object, of `max_items` at most, from `cursor` on. `client` is boto3's for S3.

    Parts are cut at chunks, and in the same places in every try: a round that died is repeated part by part, and a
    part that was uploaded before is uploaded again under its number.
    """

    def __init__(self, client, bucket: str, key: str, cursor: Cursor, max_items: int):
        self.client = client
        self.place = {"Bucket": bucket, "Key": key}
        self.cursor = cursor
        self.max_items = max_items
        self._completed = False

    def write(self, chunks: Iterable[Chunk], has_time: Callable[[], bool]) -> bool:
        """Write the chunks that follow the cursor; false if time was short: the next round goes on from `cursor`.

        A round uploads one part at least, however short its time. Raises InvalidRequest when there are too many
        items, or no object holds them all.
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
        """Forget what was uploaded: the batch cannot be made."""
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
            self.client.complete_multipart_upload(
                **self.place, UploadId=upload_id, MultipartUpload={"Parts": parts}
            )  # fmt: skip

        self._unless_completed(complete)

    def _unless_completed(self, call: Callable[[], object]) -> None:
        """An upload that is gone was completed by this round's try before, which died afterwards: only count then."""
        if self._completed:
            return
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            self._completed = True
