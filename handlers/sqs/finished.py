"""Finished chunks: their records are deleted in batches, and whoever may have deleted the last one nudges."""

from handlers.aws.queues import Queue
from handlers.aws.telemetry import logger
from handlers.core.bitmap import pending_indexes
from handlers.core.clock import Clock
from handlers.core.rejected import invalid_reason
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.mistakes import Mistakes
from handlers.sqs.records import BatchKey, ChunkKey, ChunkMessage, Claim
from handlers.sqs.table import BatchTable

# A chunk that is finished later than this after the last delete is deleted at once, with all before it.
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
        """Every item of the chunk is settled."""
        self._waiting.append(key)
        if len(self._waiting) >= FLUSH_CHUNKS or self.clock.now() - self._flushed_at > FLUSH_MS:
            self.flush()

    def give_up(self, claim: Claim, message: ChunkMessage) -> None:
        """Fail what is pending of a chunk whose attempts are used up, without processing it."""
        # A processor that died after it recorded failures knew better why.
        recorded = self.table.failed_indexes(claim.key)
        pending = [i for i in pending_indexes(claim.settled, len(message.items)) if i not in recorded]
        self.add_failed(claim, message, dict.fromkeys(pending, NEVER_TRIED), before=len(recorded))

    def add_failed(self, claim: Claim, message: ChunkMessage, errors: dict[int, str], before: int = 0) -> None:
        """Record items as failed for good, by index and error; only then is the chunk finished.

        `before`: how many others of the chunk were recorded earlier. What is no item fails for that, whatever else.
        """
        failed = {
            index: (item := message.items[index], invalid_reason(item) or error) for index, error in errors.items()
        }
        self.table.put_failed(claim.key, failed, min(claim.attempts, message.max_attempts), self.clock.now(), before)
        self.items_failed += len(failed)
        logger.warning("items failed", batch_id=claim.key.batch.batch_id, seq=claim.key.seq, count=len(failed))
        self.add(claim.key)

    def found_gone(self, key: ChunkKey) -> None:
        """Its record was deleted before; whoever did that may have died before it could nudge."""
        self._touched.add((key.batch, key.shard))

    def left_behind(self, key: ChunkKey) -> None:
        """Its record stays, so its shard needs no look."""
        self._unfinished.add((key.batch, key.shard))

    def holds(self, key: ChunkKey) -> bool:
        """Whether the chunk is finished here and its record not deleted yet."""
        return key in self._waiting

    def flush(self) -> None:
        """Delete the records of what is finished so far."""
        self.table.delete_chunks(self._waiting)
        self._touched |= {(key.batch, key.shard) for key in self._waiting}
        self._waiting = []
        self._flushed_at = self.clock.now()

    def close_or_tell(self, mistakes: Mistakes) -> None:
        """Close, and count a mistake in that for every batch that was worked on.

        Raises what closing raises, unless all of them are given up for it.
        """
        try:
            self.close()
        except Exception as error:
            batches = {key.batch for key in self._waiting} | {batch for batch, _ in self._touched | self._unfinished}
            if not all([mistakes.met(key, "end of an invocation", error, self.clock) for key in batches]):
                raise

    def close(self) -> None:
        """Delete what is finished, then look whether that was the last of a batch: if so, nudge the finalizer.

        The look comes after the deletes and is strongly consistent, so of two processors that finish together the
        later one sees both; of a processor and the sealing batcher, the later one sees the other.
        """
        self.flush()
        for batch, shard in sorted(self._touched - self._unfinished, key=str):
            drained_at = self.clock.now()
            if self.table.is_shard_empty(batch, shard):
                record = self.table.get_batch(batch.batch_id, batch.generation)
                if record and record.sealed:
                    self.finalizer_queue.send(FinalizerMessage(batch, check=False, drained_at=drained_at).body())
