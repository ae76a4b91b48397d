"""Failure recorder: records the failed items of one chunk."""

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import service_errors_renamed
from handlers.aws.telemetry import logger
from handlers.core.clock import LambdaContext
from handlers.core.json_text import JsonObject
from handlers.sfn.handed_on import failures_in, with_items
from handlers.sfn.states import ProcessorInput
from handlers.sfn.store import BatchObjects


def handler(event: ProcessorInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the child's Record failure state. Repeating it writes the same object."""
    batch, seq = event["batch"], event["chunk"]["seq"]
    objects = BatchObjects(own_s3(), settings.text("BATCH_BUCKET"), batch["batchId"], batch["generation"])
    with service_errors_renamed():
        entries = failures_in(with_items(event, objects))
        objects.put_failed(seq, entries)
    logger.warning("items failed", batch_id=batch["batchId"], seq=seq, count=len(entries))
    return {"outcome": "FAILED", "seq": seq, "failed": len(entries)}
