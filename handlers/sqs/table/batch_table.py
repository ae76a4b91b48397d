"""The table, made up of the operations on each kind of record."""

from hashlib import blake2b

from handlers.sqs.encoding import whole
from handlers.sqs.records import Batch
from handlers.sqs.table.batch_records import BatchRecords
from handlers.sqs.table.chunk_records import ChunkRecords
from handlers.sqs.table.failed_items import FailedItems
from handlers.sqs.table.segment_records import SegmentRecords

# A glimpse reads the cursors of this many segments: batchers make the segments roughly in their order.
GLIMPSED_SEGMENTS = 10


class BatchTable(BatchRecords, SegmentRecords, ChunkRecords, FailedItems):
    """The table of a stack's batches, with every operation of the protocol."""

    def glimpse(self, batch: Batch, limit: int = 100) -> str:
        """A digest of the first cursors and of the first records of every shard: it changes when the batch moves."""
        parts = [f"{batch.items}"]
        for number in sorted(batch.segments)[:GLIMPSED_SEGMENTS]:
            segment = self.get_segment(batch.key, number)
            parts.append(f"{segment.next_chunk if segment else 0}")
        for shard in range(batch.shards):
            records = self._first(batch, shard, limit)
            parts += [f"{r['SK']['S']}/{whole(r, 'attempts')}/{whole(r, 'leaseUntil')}" for r in records]
        return blake2b(" ".join(parts).encode(), digest_size=16).hexdigest()
