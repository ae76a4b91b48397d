"""Failed items: a record for each item that failed for good, and a record for each chunk that counts its own."""

import json
from collections.abc import Iterator
from itertools import islice

from handlers.core.json_text import Item, JsonObject
from handlers.sqs.encoding import chunk_name, failed_name, failed_record, failures_record, partition_of, whole
from handlers.sqs.records import Batch, ChunkKey
from handlers.sqs.table.base import KEEP_SECONDS, Records
from handlers.sqs.table.chunk_records import LAST_SEQ

LAST_INDEX = 10**5 - 1


class FailedItems(Records):
    """Reads and writes the records of failed items and of their counts."""

    def put_failed(
        self, key: ChunkKey, failed: dict[int, tuple[Item, str]], attempts: int, now: int, before: int = 0
    ) -> None:
        """Record items as failed for good: index in the chunk -> (item, error). Then record how many of the chunk are.

        `before`: others recorded earlier. The count comes last, behind all its items. Raises TableUnavailable.
        """
        expires = now // 1000 + KEEP_SECONDS
        self._write_batch(
            {"PutRequest": {"Item": failed_record(key, index, item, error, attempts, expires)}}
            for index, (item, error) in failed.items()
        )
        if count := before + len(failed):
            self._write_batch([{"PutRequest": {"Item": failures_record(key, count, expires)}}])

    def put_failed_count(self, key: ChunkKey, count: int, now: int) -> None:
        """Record how many items of a chunk failed for good, in place of a processor that recorded them and died."""
        self.client.put_item(TableName=self.name, Item=failures_record(key, count, now // 1000 + KEEP_SECONDS))

    def failed_counts(self, batch: Batch, shard: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
        """Pages of (chunk, its number of failed items), from chunk `first` on, strongly consistent."""
        query = self._between(partition_of("failures", batch.key, shard), chunk_name(first), chunk_name(LAST_SEQ))
        for page in self._pages(**query, ConsistentRead=True):
            yield [(int(record["SK"]["S"]), whole(record, "count")) for record in page["Items"]]

    def count_failed(self, batch: Batch) -> int:
        """The number of failed items so far; for people. It reads the counts, not the items."""
        queries = (self._partition(partition_of("failures", batch.key, shard)) for shard in range(batch.shards))
        return sum(
            whole(record, "count") for query in queries for page in self._pages(**query) for record in page["Items"]
        )

    def failed_indexes(self, key: ChunkKey) -> set[int]:
        """The indexes of the chunk's failed items, strongly consistent."""
        partition = partition_of("failed", key.batch, key.shard)
        query = self._between(partition, failed_name(key.seq, 0), failed_name(key.seq, LAST_INDEX))
        return {int(record["SK"]["S"].split("#")[1]) for record in self._records(**query)}

    def failed_items(self, batch: Batch, skip: int = 0) -> Iterator[JsonObject]:
        """Every failed item: `seq`, `index`, `item`, `error`, `attempts`, `failedAt` in milliseconds since 1970.

        In a batch that has ended, the counts tell where the item behind the first `skip` is, so few of these are read.
        """
        for shard in range(batch.shards):
            first, skip = self._skipped(batch, shard, skip) if skip else (0, 0)
            if first is None:
                continue
            names = failed_name(first, 0), failed_name(LAST_SEQ, LAST_INDEX)
            query = self._between(partition_of("failed", batch.key, shard), *names)
            for record in islice(self._records(**query), skip, None):
                seq, index = record["SK"]["S"].split("#")
                yield {
                    "seq": int(seq),
                    "index": int(index),
                    "item": json.loads(record["item"]["S"]),
                    "error": record["error"]["S"],
                    "attempts": whole(record, "attempts"),
                    # To the second: the record expires so long after it was written.
                    "failedAt": (whole(record, "expiresAt") - KEEP_SECONDS) * 1000,
                }
            skip = 0

    def _skipped(self, batch: Batch, shard: int, skip: int) -> tuple[int | None, int]:
        """The chunk of a shard that holds the failed item behind the first `skip`, and how many of these it holds.

        None and the rest of `skip`, if the shard has no more failed items than that.
        """
        for page in self.failed_counts(batch, shard):
            for seq, count in page:
                if skip < count:
                    return seq, skip
                skip -= count
        return None, skip
