"""Batcher: writes a batch's chunks to S3 as the Distributed Map's input, in one or several rounds."""

import functools
from dataclasses import dataclass

from handlers import sources
from handlers.aws import Client, settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.clients import client
from handlers.aws.errors import is_mistake, service_errors_renamed
from handlers.aws.events import SKIPPED, STARTED, Events
from handlers.aws.telemetry import logger
from handlers.core.batch import BatchRequest, InvalidRequest, iso, refuse_too_many
from handlers.core.clock import Clock, LambdaContext
from handlers.core.files.unreadable import ReadableItems
from handlers.core.items import chunks
from handlers.core.json_text import JsonObject
from handlers.core.outcome import error_text
from handlers.sfn import map_runs
from handlers.sfn.chunk_file import ChunkWriter, Cursor
from handlers.sfn.express import refuse_long_children
from handlers.sfn.map_runs import MapRuns, OutOfTime
from handlers.sfn.redrive import items_of
from handlers.sfn.start import Execution, RequestRefused, Schedule, Starter, parse_request
from handlers.sfn.states import BatcherInput
from handlers.sfn.store import BatcherOutput, BatchObjects, BatchStart

# A state's input is at most 256 KiB, and holds a little more than the chunk.
MAX_CHUNK_BYTES = 200 * 1024
# With less than this left the batcher leaves the rest to the next round.
STOP_MS = 20_000


@dataclass
class Batcher:
    """Starts batches and makes their chunks. A batch has at most `max_items` items."""

    s3: Client
    map_runs: MapRuns
    events: Events
    starter: Starter
    max_items: int

    def make(self, body: object, execution: Execution, cursor: JsonObject | None, clock: Clock) -> JsonObject:
        """Start a batch and write its chunks, from `cursor` on. Repeating it writes the same objects.

        Returns the input of the Map with the `status` STARTED, or the next round's cursor with MAKING. There is nothing
        to do for DUPLICATE (another execution runs the batch), SKIPPED and REFUSED (see `reason`).
        """
        try:
            objects, start = self.starter.start(body, execution)
        except RequestRefused as refused:
            logger.warning("refused", reason=str(refused), execution_arn=execution.arn)
            return {"status": "REFUSED", "reason": str(refused)}
        batch = objects.batch
        if start.execution_arn != execution.arn:
            logger.warning("duplicate", batch=batch, execution_arn=execution.arn)
            return {"status": "DUPLICATE", **batch}
        if start.running:
            publish_skipped(self.events, objects, start)
            return {"status": "SKIPPED", **batch}
        made = self._made(objects, start, writer := self._writer(objects, cursor), clock)
        if not made:
            return {"status": "MAKING", "cursor": writer.cursor.to_json(), **batch}
        objects.put_made(made)
        self._publish_started(objects, made)
        request = start.request or BatchRequest()
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

    def _writer(self, objects: BatchObjects, cursor: JsonObject | None) -> ChunkWriter:
        return ChunkWriter(self.s3, objects.bucket, objects.chunks_key, Cursor(**cursor or {}), self.max_items)

    def _made(
        self, objects: BatchObjects, start: BatchStart, writer: ChunkWriter, clock: Clock
    ) -> BatcherOutput | None:
        """Write chunks; returns the batcher's output, or None if a next round has to go on."""
        request, reason = start.request, start.reason
        if request:
            try:
                items = self._write(objects, request, writer, clock)
                if not items:
                    return None
                reason = items.reason
            except InvalidRequest as refused:
                writer.abandon()
                writer, reason = self._writer(objects, None), str(refused)
        return BatcherOutput(
            batch_id=objects.batch_id,
            generation=objects.generation,
            started_at=start.started_at,
            items=writer.cursor.items,
            chunks=writer.cursor.chunks,
            smallest_chunk=writer.cursor.smallest_chunk,
            last_chunk=writer.cursor.last_chunk,
            tolerated_failure_percentage=request.tolerated_failure_percentage if request else 0,
            reason=reason,
        )

    def _write(
        self, objects: BatchObjects, request: BatchRequest, writer: ChunkWriter, clock: Clock
    ) -> ReadableItems | None:
        """Write chunks; returns their items, which know if they broke off, or None if a next round has to go on."""
        at = writer.cursor
        try:
            items = ReadableItems(items_of(objects, request, self.map_runs, clock, skip=at.items))
        except OutOfTime:
            return None
        made = chunks(items, request.items_per_chunk, MAX_CHUNK_BYTES, at.chunks, at.items, seal=True)
        try:
            return items if writer.write(made, lambda: clock.has(STOP_MS)) else None
        except Exception as error:
            if is_mistake(error) or writer.cursor == at:
                raise
            # Such as a connection that broke while the input was read. What is stored is not written again.
            logger.warning("round cut short", **objects.batch, reason=error_text(error))
            return None

    def _publish_started(self, objects: BatchObjects, made: BatcherOutput) -> None:
        self.events.publish(
            STARTED,
            {
                **objects.batch,
                "architecture": "sfn",
                "items": made.items,
                "startedAt": iso(made.started_at),
                "deadline": iso(made.started_at + settings.whole("DEADLINE_SECONDS") * 1000),
            },
        )


def publish_skipped(events: Events, objects: BatchObjects, start: BatchStart) -> None:
    """Publish Batch Skipped for a scheduled batch; a repetition publishes the same event."""
    detail = {**objects.batch, "architecture": "sfn", "running": start.running, "at": iso(start.started_at)}
    events.publish(SKIPPED, detail)


def parse(body: object) -> BatchRequest:
    """A request that this stack accepts. Raises InvalidRequest."""
    request = parse_request(body, settings.request_defaults())
    if settings.text("CHILD_TYPE") == "EXPRESS":
        refuse_long_children(
            request.max_attempts, settings.whole("FUNCTION_TIMEOUT"), settings.whole("RETRY_DELAY_SECONDS")
        )
    return request


def survey(request: BatchRequest) -> BatchRequest:
    """The request, with its source looked at. Raises InvalidRequest, also for too many items if it knows how many."""
    request, extent = sources.survey(request)
    refuse_too_many(extent.expected(request) or 0, settings.whole("MAX_ITEMS"))
    return request


@functools.cache
def connections() -> Batcher:
    """The function's batcher; made once per environment."""
    s3, bucket = own_s3(), settings.text("BATCH_BUCKET")
    schedule = Schedule(s3, bucket, skips=settings.text("OVERLAP") == "skip")
    starter = Starter(s3, bucket, parse, survey, schedule)
    events = Events(client("events"), settings.text("EVENT_BUS_NAME"))
    return Batcher(s3, MapRuns(map_runs.client()), events, starter, settings.whole("MAX_ITEMS"))


def handler(event: BatcherInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the state machine's Make chunks state."""
    with service_errors_renamed():
        execution = Execution.from_context(event)
        return connections().make(event["request"], execution, event["cursor"], Clock(context))
