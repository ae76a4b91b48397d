"""A batch that cannot be made still ends: FAILED with its reason, through the finalizer like every other."""

from handlers.batch import BatchRequest, Status
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.queues import Queue
from handlers.sqs.records import Batch, BatchKey
from handlers.sqs.table import BatchTable


def refuse(table: BatchTable, finalizer_queue: Queue, key: BatchKey, reason: str, now: int) -> None:
    """End the batch FAILED: at once if it does not exist yet, else with what was left of it."""
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
    if not table.create_batch(ended):
        table.give_up(key, reason, now)
    finalizer_queue.send(FinalizerMessage(key, check=False).body())
