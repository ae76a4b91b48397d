"""A batch as the command line sees it, the same for both architectures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from handlers.core.batch import BatchRequest, InputObject, camel_cased, snake_cased


@dataclass(frozen=True)
class Progress:
    """The progress of an open batch.

    `items` and `chunks` are totals, None while unknown. `done` counts the items of finished chunks, failed ones too.
    `unmade_segments` counts the segments whose chunks are still being made, None if there are no segments.
    `started_at` is in milliseconds since 1970.
    """

    stage: str
    items: int | None
    done: int
    failed: int
    chunks: int | None = None
    trouble: str | None = None
    unmade_segments: int | None = None
    started_at: int | None = None

    @property
    def remaining(self) -> int | None:
        """The items that are not done, None while unknown."""
        return None if self.items is None else max(0, self.items - self.done)


@dataclass(frozen=True)
class Result:
    """How a batch ended, or an OPEN batch. Times are ISO 8601 in UTC. Unknown values are None.

    `completion_lag_seconds` is the time from the end of the last chunk to the arrival of the Batch Finished event.
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
        names = {field.name for field in fields(cls)}
        values = {name: value for name, value in snake_cased(detail).items() if name in names}
        return cls(**values, completion_lag_seconds=lag)

    def to_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"batchId": self.batch_id, "generation": self.generation, **camel_cased(vars(self))}


class Batches(Protocol):
    """The batches of one architecture. `generation` defaults to the first."""

    architecture: str
    event_seconds: float
    """Within so many seconds after a batch is over its Batch Finished event comes."""

    def start(self, request: Mapping[str, Any]) -> None:
        """Start a batch. `request` has a `batchId`. Raises Problem if a batch has this id."""

    def latest_generation(self, batch_id: str) -> int | None:
        """The latest generation of the batch; None if there is no such batch."""

    def observe(self, batch_id: str, generation: int = 1) -> Progress | Result | None:
        """The batch's progress, or its result once it has ended; None before it has a record."""

    def last_chunk_done_at(self, batch_id: str, generation: int = 1) -> int | None:
        """The end of the last chunk in milliseconds since 1970; None if unknown or without chunks."""

    def recent(self, limit: int) -> list[Result]:
        """The latest batches, newest first. Running ones have the status OPEN."""

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict[str, Any]]:
        """Every item that failed for good: `item`, `error`, `attempts`, and `failedAt`, when that was recorded.

        Read page by page. `failedAt` is in milliseconds since 1970.
        """

    def request(self, batch_id: str) -> BatchRequest | None:
        """The request of the batch's first generation; None if it was refused."""

    def input_s3(self) -> Any:
        """The boto3 client of S3 for the input bucket."""

    def cancel(self, batch_id: str, generation: int = 1) -> bool:
        """Cancel the batch; false if it is already ending."""

    def redrive(self, batch_id: str, generation: int = 1, error: str | None = None) -> None:
        """Run the failed and remaining items of a generation that has ended, as the next generation.

        With `error`, a pattern, only those failed items that it selects run; the others stay failed.
        """


@dataclass(frozen=True)
class OneBatch:
    """One generation of one batch."""

    batches: Batches
    batch_id: str
    generation: int = 1

    @property
    def architecture(self) -> str:
        """`sqs` or `sfn`."""
        return self.batches.architecture

    @property
    def title(self) -> str:
        """The batch's id for people, with its generation from the second on."""
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
        """The object with the batch's items; None if they are random, or if its request was refused."""
        request = self.batches.request(self.batch_id)
        return request.input if request else None

    def redriven(self) -> "OneBatch":
        """The next generation of the batch."""
        return OneBatch(self.batches, self.batch_id, self.generation + 1)


def titled(batch_id: str, generation: int) -> str:
    """A batch's id, with its generation from the second on."""
    return batch_id if generation == 1 else f"{batch_id}, generation {generation}"


def completion_lag(arrived_at: int, last_chunk_done_at: int | None) -> float | None:
    """Seconds between two times in milliseconds since 1970."""
    return None if last_chunk_done_at is None else round((arrived_at - last_chunk_done_at) / 1000, 3)
