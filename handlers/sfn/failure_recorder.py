"""Failure recorder: records the failed items of one chunk."""

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import service_errors_renamed
from handlers.aws.telemetry import logger
from handlers.core.clock import LambdaContext
from handlers.core.json_text import JsonObject
from handlers.sfn.states import RecorderInput
from handlers.sfn.store import BatchObjects


def handler(event: RecorderInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the child's Record failure state. Repeating it writes the same object.

    An item's error is its own among the processor's `failures`. If the processor died, the `error` it died of is that
    of every item.
    """
    batch, chunk = event["batch"], event["chunk"]
    died = event.get("error", {})
    errors = event.get("failures") or [f"{died.get('Error')}: {died.get('Cause', '')}"[:1000]] * len(chunk["items"])
    failures = [
        {"item": item, "error": error, "attempts": event["attempt"]}
        for item, error in zip(chunk["items"], errors, strict=True)
    ]
    objects = BatchObjects(own_s3(), settings.text("BATCH_BUCKET"), batch["batchId"], batch["generation"])
    with service_errors_renamed():
        objects.put_failed(chunk["seq"], failures)
    logger.warning("items failed", batch_id=batch["batchId"], seq=chunk["seq"], count=len(failures))
    return {"outcome": "FAILED", "seq": chunk["seq"], "failed": len(failures)}
