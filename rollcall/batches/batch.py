"""What the command line knows about a batch, the same for both architectures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from handlers.core.batch import InputObject, camel_cased, snake_cased


@dataclass(frozen=True)
class Progress:
    """How far a batch has come.

    `items` and `chunks` are totals, None while unknown; `done` counts the items whose chunk is finished, to the
    chunk exactly, with those that failed. `unmade_segments` are those whose chunks are still being made, None where
    there are no segments.
    """

    stage: str
    items: int | None
    done: int
    failed: int
    chunks: int | None = None
    trouble: str | None = None
    unmade_segments: int | None = None

    @property
    def remaining(self) -> int | None:
        """Items still to do, None while unknown."""
        return None if self.items is None else max(0, self.items - self.done)


@dataclass(frozen=True)
class Result:
    """How a batch ended. Times are ISO 8601 in UTC; what is not known is None.

    `completion_lag_seconds` runs from the moment the last chunk was done to the Batch Finished event's arrival.
    """

    batch_id: str
    architecture: str
    status: str
    generation: int = 1
    items: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    remaining: int | None = None
    chunks: int | None = None
    started_at: str | None = None
    finished_at: str | None = None
    duration_seconds: float | None = None
    completion_lag_seconds: float | None = None
    reason: str | None = None

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any], lag: float | None = None) -> "Result":
        """From the detail of a Batch Finished event."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in snake_cased(detail).items() if name in known}
        return cls(**values | {"completion_lag_seconds": lag})

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"batchId": self.batch_id, "generation": self.generation} | camel_cased(vars(self))


class Batches(Protocol):
    """The batches of one architecture. Without a generation the first is meant."""

    architecture: str

    def start(self, request: Mapping[str, Any]) -> None:
        """Start the batch that `request`, which names its `batchId`, describes. Raises Problem if the id is taken."""

    def latest_generation(self, batch_id: str) -> int | None:
        """The batch's generation that was started last; None when there is no such batch."""

    def observe(self, batch_id: str, generation: int = 1) -> Progress | Result | None:
        """How far the batch is, how it ended, or None when there is no trace of it yet."""

    def last_chunk_done_at(self, batch_id: str, generation: int = 1) -> int | None:
        """When the last chunk was done, in milliseconds since 1970; None if unknown or without chunks."""

    def recent(self, limit: int) -> list[Result]:
        """The batches started last, newest first; those still running have the status OPEN."""

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict[str, Any]]:
        """Every item that failed for good: `item`, `error`, `attempts`; read as the iteration goes on."""

    def input_object(self, batch_id: str) -> InputObject | None:
        """What its items were read from; None where they are random, or its request was refused."""

    def input_s3(self) -> Any:
        """boto3's client of S3 for the input bucket."""

    def cancel(self, batch_id: str, generation: int = 1) -> bool:
        """Let the batch end CANCELLED; false if it is ending already."""

    def redrive(self, batch_id: str, generation: int = 1) -> None:
        """Run what failed or was left over of a generation that has ended, as the next one."""


@dataclass(frozen=True)
class OneBatch:
    """One generation of one batch, and where it is."""

    batches: Batches
    batch_id: str
    generation: int = 1

    @property
    def architecture(self) -> str:
        return self.batches.architecture

    @property
    def title(self) -> str:
        """As people are told of it: with its generation from the second on."""
        return titled(self.batch_id, self.generation)

    def observe(self) -> Progress | Result | None:
        """See Batches.observe."""
        return self.batches.observe(self.batch_id, self.generation)

    def last_chunk_done_at(self) -> int | None:
        """See Batches.last_chunk_done_at."""
        return self.batches.last_chunk_done_at(self.batch_id, self.generation)

    def failed_items(self) -> Iterator[dict[str, Any]]:
        """See Batches.failed_items."""
        return self.batches.failed_items(self.batch_id, self.generation)

    def input_object(self) -> InputObject | None:
        """See Batches.input_object."""
        return self.batches.input_object(self.batch_id)

    def redriven(self) -> "OneBatch":
        """Its next generation."""
        return OneBatch(self.batches, self.batch_id, self.generation + 1)


def titled(batch_id: str, generation: int) -> str:
    """A batch's id, with its generation from the second on."""
    return batch_id if generation == 1 else f"{batch_id}, generation {generation}"


def completion_lag(arrived_at: int, last_chunk_done_at: int | None) -> float | None:
    """Seconds between two times in milliseconds since 1970."""
    return None if last_chunk_done_at is None else round((arrived_at - last_chunk_done_at) / 1000, 3)
