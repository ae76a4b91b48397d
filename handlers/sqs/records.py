"""What the table's records say, as plain values. Times in milliseconds since 1970."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from handlers.core.batch import (
    MAX_GENERATION,
    BatchRequest,
    InvalidRequest,
    Status,
    batch_id_of,
    checked_batch_id,
    generation_of,
)

MAX_SHARDS = 64
MAX_SEGMENTS = 1_000
# More chunks than any segment has: a chunk's number says which segment it belongs to.
SEGMENT_STRIDE = 100_000_000


@dataclass(frozen=True)
class BatchKey:
    """A batch and its generation."""

    batch_id: str
    generation: int = 1

    def to_json(self) -> dict:
        """As messages carry it."""
        return {"batchId": self.batch_id, "generation": self.generation}

    @classmethod
    def from_json(cls, value: Any) -> "BatchKey":
        """Raises KeyError, TypeError or ValueError when `value` is no such key."""
        generation = int(value["generation"])
        if not 1 <= generation <= MAX_GENERATION:
            raise ValueError(f"generation {generation}")
        return cls(checked_batch_id(value["batchId"]), generation)

    @classmethod
    def of_request(cls, asked: Any, message_id: str) -> "BatchKey":
        """The batch and generation that a request starts; the message's id names one that asks for no proper one."""
        try:
            return cls(batch_id_of(asked, message_id), generation_of(asked))
        except InvalidRequest:
            return cls(message_id)


@dataclass(frozen=True)
class Batch:
    """A batch record. `segments` are those not yet made: without any the batch is sealed.

    `expected` is how many items there will be, None where only reading tells. Its items are cut into `segment_count`
    segments, of `segment_length` each of the `extent` that the source has surveyed, None where it cannot be cut.
    `broken` says why its input could not be read to the end: what was read is processed, and it ends FAILED.
    """

    key: BatchKey
    status: Status
    request: BatchRequest
    shards: int
    started_at: int
    deadline: int
    segments: frozenset[int] = frozenset()
    segment_count: int = 1
    segment_length: int = 0
    extent: int | None = None
    expected: int | None = None
    items: int = 0
    chunks: int = 0
    succeeded: int | None = None
    failed: int | None = None
    remaining: int | None = None
    finished_at: int | None = None
    drained_at: int | None = None
    announce_until: int = 0
    notified: bool = False
    reason: str | None = None
    broken: str | None = None
    progress: str = ""
    progress_at: int = 0
    stalled: bool = False
    cancelled: bool = False

    @property
    def batch_id(self) -> str:
        return self.key.batch_id

    @property
    def generation(self) -> int:
        return self.key.generation

    @property
    def sealed(self) -> bool:
        return not self.segments


@dataclass(frozen=True)
class Segment:
    """A segment record: how much of it is made, and where the window began whose messages may not all be sent.

    Chunks and items are counted from the segment's first.
    """

    number: int
    lease_until: int
    next_chunk: int = 0
    next_item: int = 0
    window_chunk: int = 0
    window_item: int = 0

    @property
    def first_seq(self) -> int:
        return self.number * SEGMENT_STRIDE


@dataclass(frozen=True)
class ChunkKey:
    """A chunk: its batch, shard and number, which is its segment's times SEGMENT_STRIDE and its own in the segment."""

    batch: BatchKey
    shard: int
    seq: int


@dataclass(frozen=True)
class Claim:
    """A chunk that is ours until `lease_until`; `settled` is its bitmap, `attempts` counts this one."""

    key: ChunkKey
    lease_until: int
    attempts: int
    settled: bytes


@dataclass(frozen=True)
class Held:
    """Somebody else's lease runs until `lease_until`."""

    lease_until: int


@dataclass(frozen=True)
class Gone:
    """There is no such record: the chunk is finished."""


@dataclass(frozen=True)
class Dropped:
    """Its batch has ended early: the chunk waits for nobody any more. `settled` is its bitmap."""

    attempts: int
    settled: bytes


@dataclass(frozen=True)
class Remainder:
    """A chunk that no processor will take any more, and its items that are not done: left over, or failed."""

    key: ChunkKey
    pending: list[int]
    attempts: int


@dataclass(frozen=True)
class Closing:
    """How far the end of a batch has come in a shard.

    Where it ends early, all chunks before `next_seq` are out of processing, and `remaining` counts their items that are
    left over. Then, as at any end, `failed` counts the failed items of all chunks before `next_counted`.
    """

    next_seq: int = 0
    remaining: int = 0
    next_counted: int = 0
    failed: int = 0


@dataclass(frozen=True)
class ChunkMessage:
    """The body of a message in the chunk queue."""

    key: ChunkKey
    item_concurrency: int
    max_attempts: int
    deadline: int
    items: list[dict] = field(default_factory=list)

    @classmethod
    def parse(cls, body: str) -> "ChunkMessage":
        """Raises ValueError, KeyError or TypeError when `body` is not one of ours."""
        value = loads(body)
        return cls(
            key=ChunkKey(BatchKey.from_json(value), int(value["shard"]), int(value["seq"])),
            item_concurrency=int(value["itemConcurrency"]),
            max_attempts=int(value["maxAttempts"]),
            deadline=int(value["deadline"]),
            items=list(value["items"]),
        )


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, also for one that is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def chunk_body(key: ChunkKey, request: BatchRequest, deadline: int, items: list[str]) -> str:
    """A chunk's message; `items` are JSON texts, which are not parsed again."""
    head = json.dumps(
        {
            **key.batch.to_json(),
            "shard": key.shard,
            "seq": key.seq,
            "itemConcurrency": request.item_concurrency,
            "maxAttempts": request.max_attempts,
            "deadline": deadline,
        },
        separators=(",", ":"),
    )
    return f'{head[:-1]},"items":[{",".join(items)}]}}'


def shards_for(chunks: int) -> int:
    """How many partition keys the chunk records of a batch of so many chunks are spread over.

    A partition takes 1,000 writes a second and every chunk costs three, so with one shard per 20,000 chunks a batch
    can be through in a minute, and at 21,000 chunks a second when it has all shards.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
    """
    return min(MAX_SHARDS, 1 + chunks // 20_000)


def segments_for(extent: int | None, chunks: int, items_per_chunk: int, chunks_per_segment: int) -> tuple[int, int]:
    """Into how many segments a batch of about so many chunks is cut, and the length of each in the extent's units.

    An extent of None cannot be cut. Otherwise a segment is whole chunks long where the units are items.
    """
    if not extent:
        return 1, 0
    count = min(MAX_SEGMENTS, max(1, math.ceil(chunks / chunks_per_segment)))
    length = math.ceil(extent / count / items_per_chunk) * items_per_chunk
    return math.ceil(extent / length), length
