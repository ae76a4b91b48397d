"""Batcher: writes a batch's chunks to S3 as the Distributed Map's input, in one or several rounds."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

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
from handlers.sfn.chunk_file import SEPARATOR, ChunkWriter, Cursor
from handlers.sfn.grouping import Grouping, grouped
from handlers.sfn.map_runs import MapRuns, OutOfTime
from handlers.sfn.redrive import items_of
from handlers.sfn.start import Execution, RequestRefused, Schedule, Starter, parse_request
from handlers.sfn.states import BatcherInput, LeftInput
from handlers.sfn.store import BatcherOutput, BatchObjects, BatchStart, Part

# A state's input is at most 256 KiB, and holds a little more than the chunk.
MAX_CHUNK_BYTES = 200 * 1024
# With less than this left the batcher leaves the rest to the next round.
STOP_MS = 20_000


@dataclass(frozen=True)
class Limits:
    """The parameters of the stack that say how large a batch may be, and how its chunks are grouped to children."""

    max_items: int
    max_concurrency: int
    chunks_per_child: int
    begin_minutes: int

    def grouped(self, chunks: int, chunk_bytes: float) -> Grouping:
        """The children of so many chunks of that size; see `handlers.sfn.grouping.grouped`."""
        return grouped(chunks, chunk_bytes, self.max_concurrency, self.chunks_per_child, self.begin_minutes)


@dataclass
class Batcher:
    """Starts batches, makes their chunks, and hands out to children what other children have left."""

    s3: Client
    map_runs: MapRuns
    events: Events
    starter: Starter
    limits: Limits

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
            return {"status": "MAKING", "cursor": self._cursor(objects, writer).to_json(), **batch}
        grouping = self.limits.grouped(made.chunks, writer.cursor.bytes / max(1, made.chunks))
        if made.chunks:
            made = replace(made, children=grouping.children, per_child=grouping.per_child)
            lengths = chain(objects.find_lengths(writer.cursor.lengths), writer.lengths)
            objects.put_children(1, references(lengths), grouping.per_child)
        objects.put_made(made)
        self._publish_started(objects, made)
        request = start.request or BatchRequest()
        return {
            "status": "STARTED",
            **batch,
            "bucket": objects.bucket,
            **map_run(objects, 1, grouping),
            "chunks": made.chunks,
            "items": made.items,
            "itemConcurrency": request.item_concurrency,
            "maxAttempts": request.max_attempts,
        }

    def hand_out(self, state: JsonObject) -> JsonObject:
        """Make the next Map Run's children of what the last one's have left; returns the execution's next state.

        Repeating it writes the same objects.
        """
        batch = state["batch"]
        objects, run = BatchObjects(self.s3, batch["bucket"], batch["batchId"], batch["generation"]), batch["run"] + 1
        left = sorted(references_left(objects.names_left(batch["run"])), key=lambda chunk: chunk["seq"])
        grouping = self.limits.grouped(len(left), chunk_bytes=0)
        objects.put_children(run, left, grouping.per_child)
        objects.put_part(Part(run, len(left), grouping.children, grouping.per_child))
        logger.info("left chunks handed out", **objects.batch, run=run, chunks=len(left))
        return {**state, "batch": batch | map_run(objects, run, grouping)}

    def _writer(self, objects: BatchObjects, cursor: JsonObject | None) -> ChunkWriter:
        return ChunkWriter(self.s3, objects.bucket, objects.chunks_key, Cursor(**cursor or {}), self.limits.max_items)

    def _cursor(self, objects: BatchObjects, writer: ChunkWriter) -> Cursor:
        """Where the next round goes on, once it can know of this one's chunks."""
        if not (lengths := writer.lengths_so_far()):
            return writer.cursor
        objects.put_lengths(writer.cursor.lengths, lengths)
        return replace(writer.cursor, lengths=writer.cursor.lengths + 1)

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


def references(lengths: Iterator[int]) -> Iterator[JsonObject]:
    """The chunks as children get them: their places in the file of chunks, for a first attempt."""
    at = 1
    for seq, length in enumerate(lengths):
        yield {"seq": seq, "at": at, "bytes": length, "attempt": 1, "died": 0}
        at += length + len(SEPARATOR)


def references_left(names: Iterator[str]) -> Iterator[JsonObject]:
    """The chunks that children have left, for whatever attempt they have come to."""
    for name in names:
        seq, *found = name.partition("/")[2].split("-")
        if found != ["failed"]:
            attempt, died = map(int, found)
            yield {"seq": int(seq), "left": name, "attempt": attempt, "died": died}


def map_run(objects: BatchObjects, run: int, grouping: Grouping) -> JsonObject:
    """What the state machine is told of a Map Run."""
    at_once = {"childrenAtOnce": grouping.children_at_once, "chunksAtOnce": grouping.chunks_at_once}
    return {"run": run, "key": objects.children_key(run), **at_once}


def publish_skipped(events: Events, objects: BatchObjects, start: BatchStart) -> None:
    """Publish Batch Skipped for a scheduled batch; a repetition publishes the same event."""
    detail = {**objects.batch, "architecture": "sfn", "running": start.running, "at": iso(start.started_at)}
    events.publish(SKIPPED, detail)


def parse(body: object) -> BatchRequest:
    """A request that this stack accepts. Raises InvalidRequest."""
    return parse_request(body, settings.request_defaults())


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
    names = ("MAX_ITEMS", "MAX_CONCURRENCY", "CHUNKS_PER_CHILD", "BEGIN_MINUTES")
    return Batcher(s3, MapRuns(map_runs.client()), events, starter, Limits(*map(settings.whole, names)))


def handler(event: BatcherInput | LeftInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the state machine's Make chunks, and Hand out what is left."""
    with service_errors_renamed():
        if "left" in event:
            return connections().hand_out(cast(LeftInput, event)["left"])
        execution = Execution.from_context(event)
        return connections().make(event["request"], execution, event["cursor"], Clock(context))
