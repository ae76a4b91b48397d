"""The inputs and outputs of the functions, as the state machine's definition passes them."""

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
    itemConcurrency: int
    maxAttempts: int


class ChunkOfBatch(TypedDict):
    """A chunk, as the batcher wrote it."""

    seq: int
    items: list[Item]


class ProcessorInput(TypedDict):
    """The input of Process. `items` are the pending items of the chunk."""

    batch: BatchOfChunk
    chunk: ChunkOfBatch
    attempt: int


class RecorderInput(ProcessorInput):
    """The input of Record failure: the processor's output, or its input and the error that it died of."""

    failures: NotRequired[list[str]]
    error: NotRequired[dict[str, str]]
