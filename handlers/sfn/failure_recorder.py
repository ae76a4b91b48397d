"""Failure recorder: writes down the items of one chunk that have failed for good."""

import functools

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.telemetry import logger
from handlers.sfn.services import told_apart
from handlers.sfn.store import BatchObjects


@functools.cache
def s3():
    """This function's S3 client; made once an environment."""
    return own_s3()


def handler(event: dict, context) -> dict:
    """Lambda entry: the child's Record failure state.

    `event` is the processor's answer with one of its `failures` per item, or what the processor was given together
    with the `error` that it died of, which is then the error of every item. Repeating it writes the same object.
    """
    batch, chunk = event["batch"], event["chunk"]
    died = event.get("error", {})
    errors = event.get("failures") or [f"{died.get('Error')}: {died.get('Cause', '')}"[:1000]] * len(chunk["items"])
    failures = [
        {"item": item, "error": error, "attempts": event["attempt"]}
        for item, error in zip(chunk["items"], errors, strict=True)
    ]
    objects = BatchObjects(s3(), settings.text("BATCH_BUCKET"), batch["batchId"], batch["generation"])
    with told_apart():
        objects.put_failed(chunk["seq"], failures)
    logger.warning("items failed", batch_id=batch["batchId"], seq=chunk["seq"], count=len(failures))
    return {"outcome": "FAILED", "seq": chunk["seq"], "failed": len(failures)}
