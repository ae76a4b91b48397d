"""The table's records as plain values, and the shape of a batch. Times in milliseconds since 1970."""

import math
from dataclasses import dataclass, fields
from typing import Any

from handlers.core.batch import (
    MAX_GENERATION,
    BatchRequest,
    Ending,
    InvalidRequest,
    Status,
    batch_id_of,
    checked_batch_id,
    generation_of,
)
from handlers.core.json_text import JsonObject

MAX_SHARDS = 64
MAX_SEGMENTS = 1_000
# No segment has as many chunks, so a chunk's number tells its segment.
SEGMENT_STRIDE = 100_000_000
# Batchers that make a batch's segments at a time, each those of a lane: the segments whose number is so much apart.
LANES = 5
NONE_RUNNING = -1


@dataclass(frozen=True)
class BatchKey:
    """A batch and its generation."""

    batch_id: str
    generation: int = 1

    def to_json(self) -> JsonObject:
        """The key in the form that messages and events carry."""
        return {"batchId": self.batch_id, "generation": self.generation}

    @classmethod
    def from_json(cls, value: Any) -> "BatchKey":
        """The key in a message. Raises KeyError, TypeError or ValueError if `value` holds no such key."""
        generation = int(value["generation"])
        if not 1 <= generation <= MAX_GENERATION:
            raise ValueError(f"generation {generation}")
        return cls(checked_batch_id(value["batchId"]), generation)

    @classmethod
    def of_request(cls, request: Any, message_id: str) -> "BatchKey":
        """The batch and generation that a request starts; the message's id if the request's own id is invalid."""
        try:
            return cls(batch_id_of(request, message_id), generation_of(request))
        except InvalidRequest:
            return cls(message_id)


@dataclass(frozen=True)
class Batch:
    """A batch record. `segments` are the segments that are not made yet; without any the batch is sealed.

    `expected` is the final number of items, None if only reading tells. The source's `extent`, None if the source
    cannot be cut, is cut into `segment_count` segments of `segment_length`. `broken` says why the input could not be
    read to its end: the items in front of that place are processed, and the batch ends FAILED. So many invocations of
    the processor have reported that they are `unready`, until the finalizer found that others have `begun`. Of failed
    items a redriven generation runs those that `only_error` selects, see Selection.
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
    unready: int = 0
    why_unready: str | None = None
    begun: bool = False
    only_error: str | None = None

    @property
    def batch_id(self) -> str:
        return self.key.batch_id

    @property
    def generation(self) -> int:
        return self.key.generation

    @property
    def sealed(self) -> bool:
        return not self.segments

    def ending(self) -> Ending:
        """How the batch ended. It must have ended."""
        shared = (field.name for field in fields(Ending) if field.name != "architecture")
        return Ending(architecture="sqs", **{name: getattr(self, name) for name in shared})


@dataclass(frozen=True)
class Segment:
    """A segment record: its lease, and its cursor, which counts chunks and items from the segment's first.

    The messages of the last window, from `window_chunk` up to `next_chunk`, may not all be sent.
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
    """A chunk: its batch, its shard and its number. `seq` is its segment's number * SEGMENT_STRIDE + its own in it."""

    batch: BatchKey
    shard: int
    seq: int


@dataclass(frozen=True)
class Claim:
    """A chunk that this invocation holds until `lease_until`. `attempts` counts this one.

    `settled`, `tried` and `suspects` are bitmaps of its items: done or recorded as failed; failed in this attempt, as
    an earlier invocation found; under way when an earlier invocation had to end what hung. So many of its items are
    recorded as `failed`. `died`: the invocation that held it before has not released it. If that one processed its
    items one at a time, `running` is the item's index, NONE_RUNNING between two.
    """

    key: ChunkKey
    lease_until: int
    attempts: int
    settled: bytes
    tried: bytes = b""
    suspects: bytes = b""
    failed: int = 0
    died: bool = False
    running: int | None = None


@dataclass(frozen=True)
class ChunkLeft:
    """A chunk that is not finished, as people see it: `items` in all, `failed` of them recorded as failed for good.

    Nobody holds it if `lease_until` has passed.
    """

    seq: int
    items: int
    attempts: int
    lease_until: int
    failed: int


@dataclass(frozen=True)
class LeaseHeld:
    """Another invocation holds the lease until `lease_until`."""

    lease_until: int


@dataclass(frozen=True)
class ChunkFinished:
    """The chunk has no record any more: it is finished."""


@dataclass(frozen=True)
class ChunkDropped:
    """The chunk's batch is ending early and has taken it out of processing. `settled`, `died`: as in Claim."""

    settled: bytes
    died: bool


@dataclass(frozen=True)
class Remainder:
    """A dropped chunk. `pending` are the indexes of its items that are not settled; some of them may have failed.

    `died`: its last holder has not released it.
    """

    key: ChunkKey
    pending: list[int]
    died: bool


@dataclass(frozen=True)
class Closing:
    """A closing record: the progress of a batch's ending in a shard.

    In an early end all chunks before `next_seq` are dropped, and `remaining` counts their items that neither are done
    nor failed. In any end `failed` counts the failed items of all chunks before `next_counted`.
    """

    next_seq: int = 0
    remaining: int = 0
    next_counted: int = 0
    failed: int = 0


def shards_for(chunks: int) -> int:
    """The number of shards, which are partitions of chunk records, for a batch of about `chunks`.

    A partition takes 1,000 writes a second, and every chunk costs three. With one shard per 20,000 chunks a batch can
    finish in a minute; with all shards it can process 21,000 chunks a second.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
    """
    return min(MAX_SHARDS, 1 + chunks // 20_000)


def segments_for(extent: int | None, chunks: int, items_per_chunk: int, chunks_per_segment: int) -> tuple[int, int]:
    """The number of segments for a batch of about `chunks`, and their length in the extent's units.

    An extent of None cannot be cut. If the units are items, a segment is a whole number of chunks long.
    """
    if not extent:
        return 1, 0
    count = min(MAX_SEGMENTS, max(1, math.ceil(chunks / chunks_per_segment)))
    length = math.ceil(extent / count / items_per_chunk) * items_per_chunk
    return math.ceil(extent / length), length


def lanes(segments: frozenset[int]) -> dict[int, int]:
    """The first of these segments in each lane, by the lane's number; the others of a lane come after it."""
    return {number % LANES: number for number in sorted(segments, reverse=True)}
