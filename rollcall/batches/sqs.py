"""The batches of the SQS architecture, read from their records in the table."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.open_batches import cancel
from bootstrap.problem import Problem
from handlers.core.batch import BatchRequest, Redrive, Status, iso
from handlers.sqs.records import Batch, BatchKey
from handlers.sqs.table import FOREVER, BatchTable
from rollcall.batches.batch import Progress, Result
from rollcall.batches.sight import Counts, Key, Map, Sight, counts_of, made_of
from rollcall.target.connection import Connection

# A map is drawn of so many chunks that are left, in the order of their numbers: some 20 pages of a query.
MOST_CHUNKS = 100_000


class SqsBatches:
    """See `rollcall.batches.batch.Batches`."""

    architecture = "sqs"
    event_seconds = 60.0

    def __init__(self, connection: Connection) -> None:
        outputs = connection.stack("sqs").outputs
        self._now = connection.now
        self._retry_delay_seconds = float(connection.stack("sqs").parameters["RetryDelaySeconds"])
        self._sqs = connection.client("sqs")
        self._lambda = connection.client("lambda")
        self._batcher = outputs["BatcherFunctionName"]
        self._finalizer_queue_url = outputs["FinalizerQueueUrl"]
        self._input_s3 = connection.s3(outputs["InputBucketOwner"])
        self.table = BatchTable(connection.client("dynamodb"), outputs["TableName"])

    def start(self, request: Mapping[str, Any]) -> None:
        batch_id = request["batchId"]
        if self.latest_generation(batch_id):
            raise Problem(f"there is a batch {batch_id!r} already", f"see it with `rollcall watch {batch_id}`")
        self._request(request)

    def latest_generation(self, batch_id: str) -> int | None:
        return self.table.latest_generation(batch_id)

    def observe(self, batch_id: str, generation: int = 1) -> Progress | Result | None:
        batch = self.table.get_batch(batch_id, generation)
        if batch is None:
            return None
        if batch.status != Status.OPEN:
            return result_of(batch)
        formed_items, formed_chunks = self._formed(batch)
        left = self.table.count_chunks(batch)
        failed = self.table.count_failed(batch)
        return progress_of(batch, formed_items, formed_chunks, left, failed)

    def last_chunk_done_at(self, batch_id: str, generation: int = 1) -> int | None:
        batch = self.table.get_batch(batch_id, generation)
        return batch.drained_at if batch and batch.chunks else None

    def recent(self, limit: int) -> list[Result]:
        return [result_of(batch) for batch in self.table.recent(limit)]

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict[str, Any]]:
        batch = self.table.get_batch(batch_id, generation)
        for failed in self.table.failed_items(batch) if batch else ():
            yield {name: failed[name] for name in ("item", "error", "attempts", "failedAt")}

    def request(self, batch_id: str) -> BatchRequest | None:
        batch = self.table.get_batch(batch_id)
        return batch.request if batch else None

    def input_s3(self) -> Any:
        return self._input_s3

    def cancel(self, batch_id: str, generation: int = 1) -> bool:
        key = BatchKey(batch_id, generation)
        return cancel(self.table, self._sqs, self._finalizer_queue_url, key, self._now())

    def redrive(self, batch_id: str, generation: int = 1, error: str | None = None) -> None:
        request = BatchRequest(redrive=Redrive(batch_id, generation, error)).to_json()
        self._request(request)

    def _request(self, request: Mapping[str, Any]) -> None:
        """Hand a request over to Lambda, which tries it again, or tells the finalizer that it has given it up."""
        payload = json.dumps(request).encode()
        self._lambda.invoke(FunctionName=self._batcher, InvocationType="Event", Payload=payload)

    def listed(self, limit: int) -> list[tuple[str, int]]:
        return [(key.batch_id, key.generation) for key in self.table.recent_keys(limit)]

    def sight(self, batch_id: str, generation: int = 1) -> Sight | None:
        batch = self.table.get_batch(batch_id, generation)
        if batch is None:
            return None
        now, segments = round(self._now().timestamp() * 1000), self.table.segments(batch.key)
        left = tuple(self.table.chunks_left(batch, MOST_CHUNKS)) if batch.status == Status.OPEN else ()
        chunks = Map(made_of(segments, batch.chunks), left, len(left) < MOST_CHUNKS)
        about: dict[str, Any] = {
            "key": Key("sqs", batch_id, generation),
            "at": now,
            "chunks": chunks,
            "items_per_chunk": batch.request.items_per_chunk,
            "sealed": batch.sealed,
            "deadline": batch.deadline,
            "drained_at": batch.drained_at,
            "retry_seconds": (batch.request.max_attempts - 1) * self._retry_delay_seconds,
        }
        if batch.status != Status.OPEN:
            result = result_of(batch)
            return Sight(seen=result, counts=counts_of(result), **about)
        unmade = [segment for segment in segments if segment.number in batch.segments]
        formed = batch.items + sum(segment.next_item for segment in unmade)
        failed = self.table.count_failed(batch)
        left_chunks = len(left) if chunks.complete else self.table.count_chunks(batch)
        progress = progress_of(batch, formed, chunks.chunks, left_chunks, failed)
        working = sum(chunk.items for chunk in left if now < chunk.lease_until < FOREVER)
        counts = Counts(
            done=max(0, progress.done - failed),
            failed=failed,
            working=working,
            waiting=max(0, formed - progress.done - working),
            unmade=None if progress.items is None else max(0, progress.items - formed),
        )
        return Sight(seen=progress, counts=counts, **about)

    def _formed(self, batch: Batch) -> tuple[int, int]:
        """The numbers of items and chunks that the batchers have made."""
        cursors = [self.table.get_segment(batch.key, number) for number in batch.segments]
        return (
            batch.items + sum(cursor.next_item for cursor in cursors if cursor),
            batch.chunks + sum(cursor.next_chunk for cursor in cursors if cursor),
        )


def progress_of(batch: Batch, formed_items: int, formed_chunks: int, chunks_left: int, failed: int) -> Progress:
    """The progress of an open batch. `chunks_left` counts the unfinished chunks that have records."""
    # A batcher writes its cursor after its chunk records: there may be more chunks left than the cursor says.
    done = max(0, formed_items - chunks_left * batch.request.items_per_chunk)
    if batch.cancelled:
        stage = "being cancelled"
    elif batch.stalled:
        stage = "stalled"
    elif not batch.sealed:
        stage = "forming chunks"
    elif chunks_left:
        stage = "processing"
    else:
        stage = "finishing"
        done = formed_items
    return Progress(
        stage=stage,
        items=batch.items if batch.sealed else batch.expected,
        done=done,
        failed=failed,
        chunks=formed_chunks if batch.sealed else None,
        unmade_segments=len(batch.segments),
        started_at=batch.started_at,
    )


def result_of(batch: Batch) -> Result:
    """The result in the record of a batch that has ended, or of an open one."""
    if batch.finished_at:
        return Result.from_detail(batch.ending().detail())
    return Result(
        batch_id=batch.batch_id,
        architecture="sqs",
        status=str(batch.status),
        generation=batch.generation,
        items=batch.items,
        chunks=batch.chunks,
        started_at=iso(batch.started_at),
        reason=batch.reason,
    )
