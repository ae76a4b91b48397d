"""Work that cannot start, such as code that cannot be imported: processors report it, and the finalizer decides.

A batch that nobody has begun to work on ends FAILED with the reason. If others do work on it, it goes on without the
processors that cannot.
"""

from dataclasses import replace

from handlers.aws.sqs import Queue
from handlers.aws.telemetry import logger
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import Batch, BatchKey
from handlers.sqs.table import BatchTable

# A single one may come of a damaged environment.
REPORTS = 2


def report(table: BatchTable, finalizer_queue: Queue, key: BatchKey, reason: str) -> None:
    """Report, as one invocation of the processor, that the batch's work cannot start here."""
    logger.error("work cannot start", batch_id=key.batch_id, generation=key.generation, reason=reason)
    if table.report_unready(key, reason) >= REPORTS:
        finalizer_queue.send(FinalizerMessage(key, check=False).body())


def judged(table: BatchTable, batch: Batch, now: int) -> Batch:
    """The batch's record, with its deadline moved to `now` if its work can start nowhere."""
    if batch.unready < REPORTS or batch.begun:
        return batch
    if not table.is_untouched(batch):
        table.record_begun(batch.key)
        return replace(batch, begun=True)
    table.fail(batch.key, batch.why_unready or "", now)
    return table.get_batch(batch.batch_id, batch.generation) or batch
