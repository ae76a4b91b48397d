"""A batch that cannot be made still ends: FAILED with its reason, through the finalizer like every other."""

from handlers.aws.queues import Queue
from handlers.core.batch import BatchRequest, Status
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import Batch, BatchKey
from handlers.sqs.table import BatchTable


def refuse(table: BatchTable, finalizer_queue: Queue, key: BatchKey, reason: str, now: int) -> None:
    """End the batch FAILED at once, unless it exists: then it has had a good request, and goes on."""
    ended = Batch(
        key=key,
        status=Status.FAILED,
        request=BatchRequest(items=0),
        shards=1,
        started_at=now,
        deadline=now,
        succeeded=0,
        failed=0,
        remaining=0,
        finished_at=now,
        reason=reason,
    )
    table.create_batch(ended)
    finalizer_queue.send(FinalizerMessage(key, check=False).body())
