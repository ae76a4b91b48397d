"""One batch of zero work, from the call that starts it to the arrival of its Batch Finished event."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bootstrap.problem import Problem
from costs.format import count, seconds
from handlers.core.batch import new_batch_id
from rollcall.batches.batch import completion_lag
from rollcall.batches.subscription import Arrival, subscribed
from rollcall.target.connection import Connection

# Nothing polls the batch meanwhile: that would be another caller of a busy engine.
BEAT_SECONDS = 5
PATIENCE_SECONDS = 1_800


class Starter(Protocol):
    """Starts batches: an architecture of Rollcall, or a baseline."""

    architecture: str

    def start(self, request: Mapping[str, Any]) -> None:
        """Start the batch that `request` describes."""

    def last_chunk_done_at(self, batch_id: str) -> int | None:
        """The end of the last chunk, in milliseconds since 1970; None if unknown."""


@dataclass(frozen=True)
class Size:
    """The number of items in a batch, and in each of its chunks or messages."""

    items: int
    items_per_chunk: int


@dataclass(frozen=True)
class Outcome:
    """The ending of a batch: its status and counts."""

    status: str
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Run:
    """A batch that ended as wanted. `lag` is its completion lag in seconds, None if unknown."""

    items: int
    seconds: float
    lag: float | None

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.items / self.seconds


def run_batch(connection: Connection, starter: Starter, size: Size, progress: Callable[[str], None]) -> Run:
    """Run a batch of `size`. Raises Problem if it does not end SUCCEEDED within half an hour."""
    batch_id = new_batch_id(connection.now())
    request = {
        "batchId": batch_id,
        "items": size.items,
        "itemsPerChunk": size.items_per_chunk,
        "maxValue": 0,
    }
    what = f"{starter.architecture}: {count(size.items, 'item')}, {size.items_per_chunk} per chunk"
    progress(what)
    wanted = Outcome("SUCCEEDED", succeeded=size.items)
    began, arrival = until_finished(connection, starter, request, what, progress, wanted)
    took = arrival.arrived_at / 1000 - began
    progress(f"{what}: done in {seconds(took)}")
    return Run(size.items, took, completion_lag(arrival.arrived_at, starter.last_chunk_done_at(batch_id)))


def until_finished(
    connection: Connection,
    starter: Starter,
    request: Mapping[str, Any],
    what: str,
    progress: Callable[[str], None],
    wanted: Outcome,
) -> tuple[float, Arrival]:
    """Start a batch and wait for its event.

    Returns the start by the sandbox's clock, in seconds since 1970, and the event. Raises Problem if the batch does not
    end as `wanted` within half an hour.
    """
    with subscribed(connection, "default", request["batchId"]) as subscription:
        began, beginning = connection.now().timestamp(), time.monotonic()
        starter.start(request)
        while not (arrival := subscription.wait(BEAT_SECONDS)):
            elapsed = time.monotonic() - beginning
            if elapsed > PATIENCE_SECONDS:
                raise Problem(f"{what}: no Batch Finished within {PATIENCE_SECONDS} s")
            progress(f"{what}: {elapsed:.0f} s")
    if (ended := outcome_of(arrival.detail)) != wanted:
        counts = f"{count(ended.succeeded)} items succeeded, {count(ended.failed)} failed"
        raise Problem(f"{what}: it ended {ended.status} with {counts}: {arrival.detail.get('reason')}")
    return began, arrival


def outcome_of(detail: Mapping[str, Any]) -> Outcome:
    """Read a Batch Finished event. A baseline's counts no failed items, and gives no reason."""
    return Outcome(detail["status"], detail["succeeded"], detail.get("failed", 0))
