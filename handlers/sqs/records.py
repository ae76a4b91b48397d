"""What the table's records say, as plain values. Times in milliseconds since 1970."""

import json
from dataclasses import dataclass, field
from typing import Any

from handlers.batch import BatchRequest, Status

MAX_SHARDS = 64
SHARDS_WHEN_UNKNOWN = 4


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
        """Raises KeyError or TypeError when `value` is no such key."""
        return cls(str(value["batchId"]), int(value["generation"]))


@dataclass(frozen=True)
class Batch:
    """A batch record. `segments` are those not yet made: without any the batch is sealed."""

    key: BatchKey
    status: Status
    request: BatchRequest
    shards: int
    started_at: int
    deadline: int
    segments: frozenset[int] = frozenset()
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
    progress: str = ""
    progress_at: int = 0
    stalled: bool = False

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
    """A segment record: the next chunk to make, and where the window began whose messages may not all be sent."""

    number: int
    lease_until: int
    next_seq: int = 0
    next_item: int = 0
    window_seq: int = 0
    window_item: int = 0


@dataclass(frozen=True)
class ChunkKey:
    """A chunk: its batch, shard and number."""

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

    settled: bytes


@dataclass(frozen=True)
class Remainder:
    """A chunk that no processor will take any more: its pending items count as remaining."""

    seq: int
    pending: list[int]


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
        value = json.loads(body)
        return cls(
            key=ChunkKey(BatchKey.from_json(value), int(value["shard"]), int(value["seq"])),
            item_concurrency=int(value["itemConcurrency"]),
            max_attempts=int(value["maxAttempts"]),
            deadline=int(value["deadline"]),
            items=list(value["items"]),
        )


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


def shards_for(chunks: int | None) -> int:
    """How many partition keys the chunk records of a batch of so many chunks are spread over; None: not known yet.

    A partition takes 1,000 writes a second and every chunk costs three, so with one shard per 20,000 chunks a batch
    of any size can be through in a minute, if its processors are that quick.
    """
    return SHARDS_WHEN_UNKNOWN if chunks is None else min(MAX_SHARDS, 1 + chunks // 20_000)
