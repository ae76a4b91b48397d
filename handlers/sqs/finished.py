"""Finished chunks: deletes their records in batches, and nudges the finalizer if the last one may be among them."""

from collections.abc import Mapping

from handlers.aws.sqs import Queue
from handlers.aws.telemetry import logger
from handlers.core.bitmap import unmarked_indexes
from handlers.core.clock import Clock
from handlers.core.rejected import as_failed
from handlers.sqs.messages import ChunkMessage, FinalizerMessage
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import BatchKey, ChunkKey, Claim
from handlers.sqs.table import BatchTable

# A chunk that is finished this long after the last delete is deleted at once, together with those before it.
FLUSH_MS = 1_000
FLUSH_CHUNKS = 25
NEVER_TRIED = "not processed: every attempt at its chunk ended without a result"


class FinishedChunks:
    """The chunks that one invocation finishes."""

    def __init__(self, table: BatchTable, finalizer_queue: Queue, clock: Clock):
        self.table = table
        self.finalizer_queue = finalizer_queue
        self.clock = clock
        self.items_failed = 0
        self._waiting: list[ChunkKey] = []
        self._flushed_at = clock.now()
        self._touched: set[tuple[BatchKey, int]] = set()
        self._unfinished: set[tuple[BatchKey, int]] = set()

    def add(self, key: ChunkKey) -> None:
        """Take a chunk whose items are all settled."""
        self._waiting.append(key)
        if len(self._waiting) >= FLUSH_CHUNKS or self.clock.now() - self._flushed_at > FLUSH_MS:
            self.flush()

    def fail_pending(self, claim: Claim, message: ChunkMessage, error: str = NEVER_TRIED) -> None:
        """Fail the pending items of a chunk whose attempts are used up, without processing them."""
        # A processor that recorded failures and died knew their errors better.
        recorded = self.table.failed_indexes(claim.key)
        pending = [i for i in unmarked_indexes(claim.settled, len(message.items)) if i not in recorded]
        self.add_failed(claim, message, dict.fromkeys(pending, error), before=len(recorded))

    def add_failed(self, claim: Claim, message: ChunkMessage, errors: Mapping[int, str], before: int = 0) -> None:
        """Record items as failed for good, see `record_failed`; only then the chunk is finished."""
        self.record_failed(claim, message, errors, before)
        self.add(claim.key)

    def record_failed(self, claim: Claim, message: ChunkMessage, errors: Mapping[int, str], before: int) -> None:
        """Record items as failed for good, by index and error.

        `before`: how many others of the chunk were recorded earlier. A rejection fails with its own reason.
        """
        failed = {index: as_failed(message.items[index], error) for index, error in errors.items()}
        self.table.put_failed(claim.key, failed, min(claim.attempts, message.max_attempts), self.clock.now(), before)
        self.items_failed += len(failed)
        logger.warning("items failed", batch_id=claim.key.batch.batch_id, seq=claim.key.seq, count=len(failed))

    def already_finished(self, key: ChunkKey) -> None:
        """Note a chunk without a record: the invocation that deleted it may have died before it could nudge."""
        self._touched.add((key.batch, key.shard))

    def left_unfinished(self, key: ChunkKey) -> None:
        """Note a chunk whose record stays: its shard is not empty and needs no check."""
        self._unfinished.add((key.batch, key.shard))

    def holds(self, key: ChunkKey) -> bool:
        """Whether the chunk is finished here and its record is not deleted yet."""
        return key in self._waiting

    def flush(self) -> None:
        """Delete the records of the chunks finished so far."""
        self.table.delete_chunks(self._waiting)
        self._touched |= {(key.batch, key.shard) for key in self._waiting}
        self._waiting = []
        self._flushed_at = self.clock.now()

    def close_or_count_mistake(self, mistakes: Mistakes) -> None:
        """Close. Count a mistake in that for every batch of this invocation; raise it unless it has ended them all."""
        try:
            self.close()
        except Exception as error:
            batches = {key.batch for key in self._waiting} | {batch for batch, _ in self._touched | self._unfinished}
            if not all([mistakes.met(key, "end of an invocation", error, self.clock) for key in batches]):
                raise

    def close(self) -> None:
        """Delete the records of finished chunks, then nudge the finalizer of every batch that may have ended with them.

        The check for remaining chunks comes after the deletes and is strongly consistent. So of two processors that
        finish together the later one sees both deletes, and of a processor and the sealing batcher the later one sees
        the other.
        """
        self.flush()
        for batch, shard in sorted(self._touched - self._unfinished, key=str):
            drained_at = self.clock.now()
            if self.table.is_shard_empty(batch, shard):
                record = self.table.get_batch(batch.batch_id, batch.generation)
                if record and record.sealed:
                    self.finalizer_queue.send(FinalizerMessage(batch, check=False, drained_at=drained_at).body())
