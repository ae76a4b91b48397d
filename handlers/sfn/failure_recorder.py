"""Failure recorder: records the failed items of one chunk."""

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import service_errors_renamed
from handlers.aws.telemetry import logger
from handlers.core.clock import LambdaContext
from handlers.core.json_text import JsonObject
from handlers.sfn.states import ProcessorInput, error_in
from handlers.sfn.store import BatchObjects


def handler(event: ProcessorInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the child's Record failure state. Repeating it writes the same object.

    The errors of the last items are the processor's `failures`. If the processor died, the `error` it died of is that
    of the others.
    """
    batch, items, final = event["batch"], event["chunk"]["items"], event.get("final") or {"items": [], "errors": []}
    failures = event.get("failures", [])
    died = [error_in(event.get("error", {}))[:1000]] * (len(items) - len(failures))
    failed = zip([*items, *final["items"]], [*died, *failures, *final["errors"]], strict=True)
    entries = [{"item": item, "error": error, "attempts": event["attempt"]} for item, error in failed]
    seq = event["chunk"]["seq"]
    objects = BatchObjects(own_s3(), settings.text("BATCH_BUCKET"), batch["batchId"], batch["generation"])
    with service_errors_renamed():
        objects.put_failed(seq, entries)
    logger.warning("items failed", batch_id=batch["batchId"], seq=seq, count=len(entries))
    return {"outcome": "FAILED", "seq": seq, "failed": len(entries)}
