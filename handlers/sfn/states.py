"""The inputs and outputs of the functions, as the state machine's definition passes them."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import NotRequired, TypedDict

from handlers.core.json_text import Item, JsonObject


class ExecutionContext(TypedDict):
    """The fields that the states pass on from the execution's context object."""

    executionArn: str
    executionName: str
    startedAt: str


class BatcherInput(ExecutionContext):
    """The input of Make chunks. `cursor` is where this round goes on, null in the first."""

    request: object
    cursor: JsonObject | None


class LeftInput(TypedDict):
    """The input of Hand out what is left: the state of the execution, with its `batch`."""

    left: JsonObject


class FinalizerInput(ExecutionContext):
    """The input of Finalize. `batch` is the batcher's output; if the batcher failed there is a `request` instead."""

    batch: NotRequired[JsonObject]
    request: NotRequired[object]
    mapRunArn: NotRequired[str]
    error: NotRequired[dict[str, str]]


class BatchOfChunk(TypedDict):
    """The part of its batch that a child execution gets."""

    batchId: str
    generation: int
    run: int
    itemConcurrency: int
    maxAttempts: int


class ChunkOfBatch(TypedDict):
    """A chunk, or its place: `at` in the file of chunks, with so many `bytes`; or the name of what was `left` of it."""

    seq: int
    items: list[Item]
    at: NotRequired[int]
    bytes: NotRequired[int]
    left: NotRequired[str]


class Died(TypedDict):
    """How often in a row the processor has died of the same input."""

    count: int


class Final(TypedDict):
    """Items that have failed and are not tried again, and their errors."""

    items: list[Item]
    errors: list[str]


class ProbeInput(TypedDict):
    """The input of Try the work. The meter knows by the batch's id whose invocation it is."""

    probe: bool
    batchId: str


class ProcessorInput(TypedDict):
    """The input of Process.

    The last `items` of the chunk are those that have failed in this attempt, with their `failures`; the others are to
    be processed. Those at `suspects` were under way when an earlier round had to end what hung. `error` is what the
    processor died of, if it has; then the items are processed `oneByOne`.
    """

    batch: BatchOfChunk
    chunk: ChunkOfBatch
    attempt: int
    died: NotRequired[Died]
    final: NotRequired[Final]
    failures: NotRequired[list[str]]
    suspects: NotRequired[list[int]]
    oneByOne: NotRequired[bool]
    error: NotRequired[dict[str, str]]


def error_in(error: Mapping[str, str]) -> str:
    """What a state caught, as one text: of a function's error the message in its `Cause`, which is JSON."""
    cause = error.get("Cause") or ""
    with suppress(ValueError, TypeError, KeyError):
        cause = str(json.loads(cause)["errorMessage"])
    return ": ".join(filter(None, (error.get("Error"), cause)))
