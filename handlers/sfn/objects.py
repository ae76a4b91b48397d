"""The only module that knows the batch bucket: each object of docs/design.md, written once or by a condition."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from handlers.items import Chunk

# Parts of 8 MiB: 10,000 of them hold 80 GB, and two at a time keep the batcher's memory flat.
UPLOAD = TransferConfig(multipart_chunksize=8 * 1024 * 1024, max_concurrency=2)
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict"}
MISSING = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class Made:
    """What the batcher made. Times in milliseconds since 1970.

    `smallest_chunk` is the fewest items of a chunk but the last, which is often shorter and has `last_chunk`.
    """

    batch_id: str
    generation: int
    started_at: int
    items: int
    chunks: int
    smallest_chunk: int
    last_chunk: int
    tolerated_failure_percentage: float
    reason: str | None = None


class BatchObjects:
    """The objects of one generation of a batch. `client` is boto3's for S3."""

    def __init__(self, client, bucket: str, batch_id: str, generation: int = 1):
        self.client = client
        self.bucket = bucket
        self.name = f"{batch_id}/{generation}"

    @property
    def chunks_key(self) -> str:
        return f"chunks/{self.name}.json"

    def owner(self, execution_arn: str) -> str:
        """The execution that owns the batch: this one, if it is the first to ask."""
        key = f"started/{self.name}.json"
        if self._put_new(key, {"executionArn": execution_arn}):
            return execution_arn
        return self._get(key)[0]["executionArn"]

    def find_owner(self) -> str | None:
        """The execution that owns the batch, if it was ever started."""
        found = self._find(f"started/{self.name}.json")
        return found[0]["executionArn"] if found else None

    def put_chunks(self, chunks: Iterable[Chunk]) -> "ChunkStream":
        """Stream the chunks as one JSON array, the Distributed Map's input; returns the stream with its counts."""
        stream = ChunkStream(chunks)
        self.client.upload_fileobj(stream, self.bucket, self.chunks_key, Config=UPLOAD)
        return stream

    def put_made(self, made: Made) -> None:
        self._put(f"made/{self.name}.json", asdict(made))

    def find_made(self) -> Made | None:
        """What the batcher made, once it was through."""
        found = self._find(f"made/{self.name}.json")
        return Made(**found[0]) if found else None

    def put_failed(self, seq: int, failures: list[dict]) -> None:
        """Record items of one chunk as failed for good; the key tells how many, so that counting reads no object."""
        self._put(f"failed/{self.name}/{seq:09d}-{len(failures)}.json", {"seq": seq, "failed": failures})

    def failed_by_chunk(self) -> dict[int, int]:
        """Chunk number -> how many of its items have failed for good."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"failed/{self.name}/")
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        names = (key.rsplit("/", 1)[1].removesuffix(".json").split("-") for key in keys)
        return {int(seq): int(count) for seq, count in names}

    def failed_items(self) -> Iterator[dict]:
        """Every item that has failed for good: `item`, `error`, `attempts`."""
        for seq, count in sorted(self.failed_by_chunk().items()):
            yield from self._get(f"failed/{self.name}/{seq:09d}-{count}.json")[0]["failed"]

    def put_ending(self, detail: dict, announce_until: int) -> bool:
        """Store how the batch ended; true for the single winner, who announces it."""
        return self._put_new(self._ending_key, {"detail": detail, "announceUntil": announce_until})

    def find_ending(self) -> tuple[dict, str] | None:
        """`{"detail", "announceUntil"}` and its ETag, once the batch has ended."""
        return self._find(self._ending_key)

    def take_announcement_over(self, detail: dict, announce_until: int, etag: str) -> bool:
        """Become the announcer in place of one that died; false if somebody else did."""
        return self._put_if(self._ending_key, {"detail": detail, "announceUntil": announce_until}, IfMatch=etag)

    def record_notified(self) -> None:
        """Batch Finished is published."""
        self._put(f"notified/{self.name}", {})

    def is_notified(self) -> bool:
        return self._find(f"notified/{self.name}") is not None

    @property
    def _ending_key(self) -> str:
        return f"finished/{self.name}.json"

    def _put(self, key: str, value: dict, **condition) -> None:
        self.client.put_object(
            Bucket=self.bucket, Key=key, Body=json.dumps(value).encode(), ContentType="application/json", **condition
        )

    def _put_new(self, key: str, value: dict) -> bool:
        return self._put_if(key, value, IfNoneMatch="*")

    def _put_if(self, key: str, value: dict, **condition) -> bool:
        try:
            self._put(key, value, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST_RACE:
                return False
            raise
        return True

    def _get(self, key: str) -> tuple[dict, str]:
        answer = self.client.get_object(Bucket=self.bucket, Key=key)
        return json.load(answer["Body"]), answer["ETag"]

    def _find(self, key: str) -> tuple[dict, str] | None:
        try:
            return self._get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise


class ChunkStream(io.RawIOBase):
    """Reads as a JSON array of chunks, which are taken from their iterator only as the reader goes on.

    `items`, `chunks`, `smallest_chunk` and `last_chunk` count what was read so far, as in Made.
    """

    def __init__(self, chunks: Iterable[Chunk]):
        self.items = 0
        self.chunks = 0
        self.smallest_chunk = 0
        self.last_chunk = 0
        self._parts = self._texts(iter(chunks))
        self._rest = b""

    def _texts(self, chunks: Iterator[Chunk]) -> Iterator[bytes]:
        yield b"["
        for chunk in chunks:
            separator = ",\n" if self.chunks else ""
            yield f'{separator}{{"seq":{chunk.seq},"items":[{",".join(chunk.items)}]}}'.encode()
            if self.chunks:
                self.smallest_chunk = min(self.smallest_chunk or self.last_chunk, self.last_chunk)
            self.last_chunk = len(chunk.items)
            self.chunks += 1
            self.items += self.last_chunk
        yield b"]"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; everything when negative."""
        parts, length = [self._rest], len(self._rest)
        while size < 0 or length < size:
            part = next(self._parts, None)
            if part is None:
                break
            parts.append(part)
            length += len(part)
        whole = b"".join(parts)
        cut = length if size < 0 else size
        self._rest = whole[cut:]
        return whole[:cut]
