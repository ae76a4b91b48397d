"""What is seen of one generation of a batch at one moment, for the console: the same for both architectures."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from handlers.sqs.records import SEGMENT_STRIDE, ChunkLeft, Segment
from rollcall.batches.batch import Batches, Progress, Result


class Key(NamedTuple):
    """One generation of one batch."""

    architecture: str
    batch_id: str
    generation: int = 1


@dataclass(frozen=True)
class Counts:
    """Items by what has become of them. `done` succeeded; `unmade` are in no chunk yet, None while unknown.

    Of a batch that has ended, `waiting` is what remains.
    """

    done: int
    failed: int
    working: int
    waiting: int
    unmade: int | None

    @property
    def known(self) -> int:
        """The items that are known of."""
        return self.done + self.failed + self.working + self.waiting + (self.unmade or 0)


@dataclass(frozen=True)
class Children:
    """The children of the latest Map Run, each of up to `per_child` chunks: how many are `running`, and `waiting`.

    `oldest` are the names of those that run, with their starts: the oldest first, of one page.
    """

    per_child: int
    running: int
    waiting: int
    oldest: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Map:
    """Where the chunks of a batch stand. `made` have been made, so many a segment; `left` are not finished.

    `complete`: no chunk is left besides these. `counted` are the chunks of the Step Functions architecture by the state
    of their `children`: it is not known which chunk is in which.
    """

    made: tuple[tuple[int, int], ...] = ()
    left: tuple[ChunkLeft, ...] = ()
    complete: bool = True
    counted: tuple[tuple[str, int], ...] = ()
    children: Children | None = None

    @property
    def chunks(self) -> int:
        """The number of chunks that have been made."""
        return sum(count for _, count in self.made) or sum(count for _, count in self.counted)

    def place(self, seq: int) -> int:
        """Where the chunk stands among all, from 0, in the order of their numbers."""
        segment, own = divmod(seq, SEGMENT_STRIDE)
        return sum(count for number, count in self.made if number < segment) + own

    def number_at(self, place: int) -> int | None:
        """The number of the chunk that stands there; None if there is none, or it is not known."""
        for segment, count in self.made:
            if place < count:
                return segment * SEGMENT_STRIDE + place
            place -= count
        return None


@dataclass(frozen=True)
class Sight:
    """One generation at one moment. Times are in milliseconds since 1970, None if unknown.

    `seen` is its progress or its result. `sealed` and `deadline` are those of its record or of its state machine.
    `retry_seconds`: if items fail, a chunk waits so long at the most between its attempts, all together.
    """

    key: Key
    at: int
    seen: Progress | Result
    counts: Counts
    chunks: Map
    items_per_chunk: int
    sealed: bool | None = None
    deadline: int | None = None
    drained_at: int | None = None
    retry_seconds: float = 0.0

    @property
    def in_steps(self) -> bool:
        """Whether only the end of several chunks together is known: all items of a child that runs count as in work."""
        return self.chunks.children is not None and self.chunks.children.per_child > 1

    @property
    def chunk_count(self) -> int:
        """The number of its chunks, or of those that have been made so far."""
        return self.chunks.chunks if self.seen.chunks is None else self.seen.chunks

    @property
    def result(self) -> Result | None:
        """The result; None while the batch runs."""
        return self.seen if isinstance(self.seen, Result) else None

    @property
    def status(self) -> str:
        """Its final status, or OPEN."""
        return self.result.status if self.result else "OPEN"

    @property
    def waits(self) -> float:
        """The seconds that its last chunks may wait for their next attempts: 0 while nothing has failed."""
        again = any(
            chunk.attempts > 1 or (chunk.attempts and chunk.lease_until <= self.at) for chunk in self.chunks.left
        )
        return self.retry_seconds if again or self.counts.failed else 0.0

    @property
    def started_at(self) -> int | None:
        """Its start."""
        return self.seen.started_at if isinstance(self.seen, Progress) else epoch_ms(self.seen.started_at)

    @property
    def finished_at(self) -> int | None:
        """Its end."""
        return epoch_ms(self.result.finished_at) if self.result else None


class SeenBatches(Batches, Protocol):
    """The batches of one architecture, as the console looks at them."""

    def listed(self, limit: int) -> list[tuple[str, int]]:
        """The id and the generation of the latest batches, newest first: less work than `recent`."""

    def sight(self, batch_id: str, generation: int = 1) -> Sight | None:
        """What is seen of the batch now; None before it has a record."""


def epoch_ms(time: str | None) -> int | None:
    """A time in ISO 8601 as milliseconds since 1970."""
    return None if time is None else round(datetime.fromisoformat(time).timestamp() * 1000)


def counts_of(result: Result) -> Counts:
    """The counts of a batch that has ended."""
    return Counts(result.succeeded or 0, result.failed or 0, 0, result.remaining or 0, 0)


def made_of(segments: list[Segment], unsegmented: int) -> tuple[tuple[int, int], ...]:
    """The number of chunks of each segment; `unsegmented` if no segment has a record."""
    return tuple((segment.number, segment.next_chunk) for segment in segments) or ((0, unsegmented),)
