"""Batcher: writes the batch's chunks to S3 as the Distributed Map's input."""

import functools
from datetime import datetime

import boto3

from handlers import settings, source
from handlers.batch import BatchRequest, InvalidRequest, batch_id_or, iso
from handlers.events import STARTED, Events
from handlers.items import chunks
from handlers.sfn.objects import BatchObjects, ChunkStream, Made
from handlers.telemetry import logger

# A state's input is 256 KiB at most and carries a little more than the chunk.
MAX_CHUNK_BYTES = 200 * 1024
GENERATION = 1


@functools.cache
def connections() -> tuple:
    """This function's S3 client and events; made once an environment."""
    return boto3.client("s3"), Events(boto3.client("events"), settings.text("EVENT_BUS_NAME"))


def parse_request(asked: object, defaults: dict[str, str]) -> BatchRequest:
    """The batch request. Raises InvalidRequest, also for what only the SQS architecture can do."""
    if isinstance(asked, dict) and "deadlineSeconds" in asked:
        raise InvalidRequest(
            "deadlineSeconds: a state machine has one deadline for all its executions; set the stack's DeadlineSeconds"
        )
    return BatchRequest.parse(asked, defaults)


def epoch_ms(timestamp: str) -> int:
    """Of the context object's ISO 8601 time."""
    return round(datetime.fromisoformat(timestamp).timestamp() * 1000)


def handler(event: dict, context) -> dict:
    """Lambda entry: the state machine's first state. Repeating it writes the same objects.

    Returns what the Map reads and what the finalizer counts against; `status` is DUPLICATE when another execution
    owns the batch. A bad request is a batch of no chunks with a `reason`.
    """
    s3, events = connections()
    asked, execution_arn = event["request"], event["executionArn"]
    started_at = epoch_ms(event["startedAt"])
    request, reason = BatchRequest(items=0), None
    batch_id = batch_id_or(asked, event["executionName"])
    try:
        request = parse_request(asked, settings.request_defaults())
    except InvalidRequest as refused:
        reason = str(refused)
    objects = BatchObjects(s3, settings.text("BATCH_BUCKET"), batch_id, GENERATION)
    if objects.owner(execution_arn) != execution_arn:
        logger.warning("duplicate", batch_id=batch_id, execution_arn=execution_arn)
        return {"status": "DUPLICATE", "batchId": batch_id, "generation": GENERATION, "chunks": 0}
    stream = ChunkStream([])
    if not reason:
        items = source.items(request, batch_id)
        try:
            stream = objects.put_chunks(chunks(items, request.items_per_chunk, MAX_CHUNK_BYTES))
        except InvalidRequest as refused:
            reason = str(refused)
    made = Made(
        batch_id=batch_id,
        generation=GENERATION,
        started_at=started_at,
        items=stream.items,
        chunks=stream.chunks,
        smallest_chunk=stream.smallest_chunk,
        last_chunk=stream.last_chunk,
        tolerated_failure_percentage=request.tolerated_failure_percentage,
        reason=reason,
    )
    objects.put_made(made)
    events.publish(
        STARTED,
        {
            "batchId": batch_id,
            "generation": GENERATION,
            "architecture": "sfn",
            "items": made.items,
            "startedAt": iso(started_at),
            "deadline": iso(started_at + settings.whole("DEADLINE_SECONDS") * 1000),
        },
    )
    return {
        "status": "STARTED",
        "batchId": batch_id,
        "generation": GENERATION,
        "bucket": objects.bucket,
        "key": objects.chunks_key,
        "chunks": made.chunks,
        "items": made.items,
        "itemConcurrency": request.item_concurrency,
        "maxAttempts": request.max_attempts,
    }
