"""Batcher: writes a batch's chunks to S3 as the Distributed Map's input, in as many rounds as it takes."""

import functools
from typing import Any

import boto3

from handlers import source
from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.events import SKIPPED, STARTED, Events
from handlers.aws.telemetry import logger
from handlers.core.batch import BatchRequest, InvalidRequest, iso
from handlers.core.clock import Clock
from handlers.core.files.unreadable import UpToBreak
from handlers.core.items import chunks
from handlers.sfn import map_runs
from handlers.sfn.chunk_file import ChunkWriter, Cursor
from handlers.sfn.express import refuse_long_children
from handlers.sfn.map_runs import MapRuns, OutOfTime
from handlers.sfn.redrive import items_of
from handlers.sfn.services import told_apart
from handlers.sfn.start import Execution, RequestRefused, Schedule, Starter, parse_request
from handlers.sfn.store import BatchObjects, Made, Started

# A state's input is 256 KiB at most and carries a little more than the chunk.
MAX_CHUNK_BYTES = 200 * 1024
# With less than this left the next round goes on.
STOP_MS = 20_000


class Batcher:
    """The clients are boto3's. A batch has `max_items` at most."""

    def __init__(self, s3, map_runs: MapRuns, events: Events, starter: Starter, max_items: int):
        self.s3 = s3
        self.map_runs = map_runs
        self.events = events
        self.starter = starter
        self.max_items = max_items

    def make(self, asked: object, execution: Execution, cursor: dict | None, clock: Clock) -> dict:
        """Start a batch and write its chunks, from `cursor` on. Repeating it writes the same objects.

        `status` of the answer: STARTED with what the Map reads, MAKING with the cursor of the next round; DUPLICATE
        (another execution runs the batch), SKIPPED or REFUSED (`reason`) where there is nothing to do.
        """
        try:
            objects, started = self.starter.start(asked, execution)
        except RequestRefused as refused:
            logger.warning("refused", reason=str(refused), execution_arn=execution.arn)
            return {"status": "REFUSED", "reason": str(refused)}
        batch: dict[str, Any] = {"batchId": objects.batch_id, "generation": objects.generation}
        if started.execution_arn != execution.arn:
            logger.warning("duplicate", batch=batch, execution_arn=execution.arn)
            return {"status": "DUPLICATE", **batch}
        if started.running:
            publish_skipped(self.events, objects, started)
            return {"status": "SKIPPED", **batch}
        made = self._made(objects, started, writer := self._writer(objects, cursor), clock)
        if not made:
            return {"status": "MAKING", "cursor": writer.cursor.to_json(), **batch}
        objects.put_made(made)
        self._publish_started(made)
        request = started.request or BatchRequest()
        return {
            "status": "STARTED",
            **batch,
            "bucket": objects.bucket,
            "key": objects.chunks_key,
            "chunks": made.chunks,
            "items": made.items,
            "itemConcurrency": request.item_concurrency,
            "maxAttempts": request.max_attempts,
        }

    def _writer(self, objects: BatchObjects, cursor: dict | None) -> ChunkWriter:
        return ChunkWriter(self.s3, objects.bucket, objects.chunks_key, Cursor(**cursor or {}), self.max_items)

    def _made(self, objects: BatchObjects, started: Started, writer: ChunkWriter, clock: Clock) -> Made | None:
        """Write chunks; returns what was made, or None while there is more to make."""
        request, reason = started.request, started.reason
        if request:
            try:
                source = self._write(objects, request, writer, clock)
                if not source:
                    return None
                reason = source.reason
            except InvalidRequest as refused:
                writer.abandon()
                writer, reason = self._writer(objects, None), str(refused)
        return Made(
            batch_id=objects.batch_id,
            generation=objects.generation,
            started_at=started.started_at,
            items=writer.cursor.items,
            chunks=writer.cursor.chunks,
            smallest_chunk=writer.cursor.smallest_chunk,
            last_chunk=writer.cursor.last_chunk,
            tolerated_failure_percentage=request.tolerated_failure_percentage if request else 0,
            reason=reason,
        )

    def _write(
        self, objects: BatchObjects, request: BatchRequest, writer: ChunkWriter, clock: Clock
    ) -> UpToBreak | None:  # fmt: skip
        """Write chunks; their source, once it is through, which knows then whether it broke off."""

        def has_time() -> bool:
            return clock.has(STOP_MS)

        at = writer.cursor
        try:
            items = UpToBreak(items_of(objects, request, self.map_runs, clock, skip=at.items))
        except OutOfTime:
            return None
        made = chunks(items, request.items_per_chunk, MAX_CHUNK_BYTES, at.chunks, at.items, seal=True)
        return items if writer.write(made, has_time) else None

    def _publish_started(self, made: Made) -> None:
        self.events.publish(
            STARTED,
            {
                "batchId": made.batch_id,
                "generation": made.generation,
                "architecture": "sfn",
                "items": made.items,
                "startedAt": iso(made.started_at),
                "deadline": iso(made.started_at + settings.whole("DEADLINE_SECONDS") * 1000),
            },
        )


def publish_skipped(events: Events, objects: BatchObjects, started: Started) -> None:
    """Say that a scheduled batch was skipped, in the same words every time."""
    events.publish(
        SKIPPED,
        {
            "batchId": objects.batch_id,
            "generation": objects.generation,
            "architecture": "sfn",
            "running": started.running,
            "at": iso(started.started_at),
        },
    )


def parse(asked: object) -> BatchRequest:
    """A request as this stack takes it. Raises InvalidRequest."""
    request = parse_request(asked, settings.request_defaults())
    if settings.text("CHILD_TYPE") == "EXPRESS":
        refuse_long_children(
            request.max_attempts, settings.whole("FUNCTION_TIMEOUT"), settings.whole("RETRY_DELAY_SECONDS")
        )
    return request


@functools.cache
def connections() -> Batcher:
    """This function's batcher; made once an environment."""
    s3, bucket = own_s3(), settings.text("BATCH_BUCKET")
    schedule = Schedule(s3, bucket, skips=settings.text("OVERLAP") == "skip")
    starter = Starter(s3, bucket, parse, lambda request: source.survey(request)[0], schedule)
    events = Events(boto3.client("events"), settings.text("EVENT_BUS_NAME"))
    return Batcher(s3, MapRuns(map_runs.client()), events, starter, settings.whole("MAX_ITEMS"))


def handler(event: dict, context) -> dict:
    """Lambda entry: the state machine's Make chunks state."""
    with told_apart():
        execution = Execution.from_context(event)
        return connections().make(event["request"], execution, event["cursor"], Clock(context))
