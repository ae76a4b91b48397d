"""Chunk records, which exist until their chunk is finished, and closing records: an ending's progress in a shard."""

import heapq
from collections.abc import Iterable, Iterator, Mapping

from handlers.core.batch import camel_cased
from handlers.core.bitmap import pending_indexes, with_settled
from handlers.sqs.encoding import (
    Record,
    attributes,
    chunk_key,
    chunk_name,
    closing_key,
    fields_of,
    n,
    partition_of,
    settled_of,
    whole,
)
from handlers.sqs.records import (
    SEGMENT_STRIDE,
    Batch,
    BatchKey,
    ChunkDropped,
    ChunkFinished,
    ChunkKey,
    Claim,
    Closing,
    LeaseHeld,
    Remainder,
)
from handlers.sqs.table.base import FOREVER, Records, expiry

LAST_SEQ = 10**12 - 1

type ClaimOutcome = Claim | LeaseHeld | ChunkFinished | ChunkDropped


class ChunkRecords(Records):
    """Reads and writes chunk records and closing records."""

    def put_chunks(self, sizes: Mapping[ChunkKey, int], now: int) -> None:
        """Write the records of a window's chunks (chunk -> number of items), never twice. Raises TableUnavailable."""
        common = {"attempts": n(0), "expiresAt": expiry(now)}
        self._write_batch(
            {"PutRequest": {"Item": {**chunk_key(key), "size": n(size), **common}}} for key, size in sizes.items()
        )

    def claim_chunk(self, key: ChunkKey, now: int, lease_until: int, attempts_used: int = 0) -> ClaimOutcome:
        """Take the chunk's lease and count the attempt; `attempts_used` sets the count instead."""
        if attempts_used:
            return self._claim(key, now, lease_until, ", attempts = :used", {":used": n(attempts_used)})
        return self._claim(key, now, lease_until, " ADD attempts :one", {":one": n(1)})

    def _claim(self, key: ChunkKey, now: int, lease_until: int, more: str, values: Record) -> ClaimOutcome:
        taken, record = self._take(
            chunk_key(key),
            f"SET leaseUntil = :lease{more}",
            "attribute_exists(PK) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
            {":lease": n(lease_until), ":now": n(now), **values},
        )
        if taken:
            return Claim(key, lease_until, whole(record, "attempts"), settled_of(record))
        if not record:
            return ChunkFinished()
        if whole(record, "leaseUntil") >= FOREVER:
            return ChunkDropped(whole(record, "attempts"), settled_of(record))
        return LeaseHeld(whole(record, "leaseUntil"))

    def save_chunk(self, claim: Claim, settled: Iterable[int], count: int, max_attempts: int) -> bool:
        """Record settled items, and that all attempts are used up; keep the lease. False if it was lost meanwhile."""
        values = {
            ":lease": n(claim.lease_until),
            ":settled": {"B": with_settled(claim.settled, settled, count)},
            ":attempts": n(max(claim.attempts, max_attempts)),
        }
        update = "SET settled = :settled, attempts = :attempts"
        return self._update(chunk_key(claim.key), update, "leaseUntil = :lease", values)

    def release_chunk(self, claim: Claim, settled: Iterable[int], count: int, give_back_attempt: bool) -> bool:
        """Record settled items, end the lease; false if it was lost. `give_back_attempt`: do not count the attempt."""
        values = {
            ":lease": n(claim.lease_until),
            ":zero": n(0),
            ":settled": {"B": with_settled(claim.settled, settled, count)},
            ":back": n(-1 if give_back_attempt else 0),
        }
        update = "SET leaseUntil = :zero, settled = :settled ADD attempts :back"
        return self._update(chunk_key(claim.key), update, "leaseUntil = :lease", values)

    def delete_chunks(self, keys: Iterable[ChunkKey]) -> None:
        """Delete chunk records: these chunks are finished. Raises TableUnavailable."""
        self._write_batch({"DeleteRequest": {"Key": chunk_key(key)}} for key in keys)

    def is_shard_empty(self, batch: BatchKey, shard: int) -> bool:
        """Whether no chunk record is left in the shard, strongly consistent."""
        query = self._partition(partition_of("chunks", batch, shard))
        answer = self.client.query(**query, Limit=1, Select="COUNT", ConsistentRead=True)
        return bool(answer["Count"] == 0)

    def count_chunks(self, batch: Batch) -> int:
        """The number of chunk records left. It reads them all, so it is for people, not for the protocol."""
        queries = (self._partition(partition_of("chunks", batch.key, shard)) for shard in range(batch.shards))
        return sum(page["Count"] for query in queries for page in self._pages(**query, Select="COUNT"))

    def first_chunks(self, batch: Batch, limit: int) -> list[int]:
        """The numbers of the first `limit` chunks that are left."""
        records = (record for shard in range(batch.shards) for record in self._first(batch, shard, limit))
        return sorted(int(record["SK"]["S"]) for record in records)[:limit]

    def _first(self, batch: Batch, shard: int, limit: int) -> list[Record]:
        """The first `limit` chunk records of a shard, eventually consistent."""
        return list(
            self.client.query(**self._partition(partition_of("chunks", batch.key, shard)), Limit=limit)["Items"]
        )

    def drop_chunks(self, batch: Batch, shard: int, now: int, first: int) -> Iterator[Remainder | LeaseHeld]:
        """Take the free chunks of a shard out of processing, in the order of their numbers, from `first` on.

        May be repeated. Yields each chunk that is dropped now or was before, and each lease that a processor holds.
        """
        for record in self._chunks(batch, shard, first):
            key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
            outcome: ClaimOutcome = ChunkDropped(whole(record, "attempts"), settled_of(record))
            if whole(record, "leaseUntil") < FOREVER:
                outcome = self._claim(key, now, FOREVER, "", {})
            if isinstance(outcome, LeaseHeld):
                yield outcome
            elif isinstance(outcome, Claim | ChunkDropped):
                yield Remainder(key, pending_indexes(outcome.settled, whole(record, "size")), outcome.attempts)

    def dropped_chunks(self, batch: Batch, segment: int) -> Iterator[Remainder]:
        """The chunks of a segment that its batch has dropped, in the order of their numbers."""
        shards = (self._dropped_of_shard(batch, shard, segment) for shard in range(batch.shards))
        return heapq.merge(*shards, key=lambda left: left.key.seq)

    def _dropped_of_shard(self, batch: Batch, shard: int, segment: int) -> Iterator[Remainder]:
        first = segment * SEGMENT_STRIDE
        for record in self._chunks(batch, shard, first, first + SEGMENT_STRIDE - 1):
            key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
            pending = pending_indexes(settled_of(record), whole(record, "size"))
            yield Remainder(key, pending, whole(record, "attempts"))

    def _chunks(self, batch: Batch, shard: int, first: int = 0, last: int = LAST_SEQ) -> Iterator[Record]:
        """The chunk records of a shard, from number `first` to `last`, strongly consistent."""
        return self._records(
            **self._between(partition_of("chunks", batch.key, shard), chunk_name(first), chunk_name(last))
        )

    def get_closing(self, key: BatchKey, shard: int) -> Closing:
        """The progress of the batch's ending in a shard."""
        return Closing(**fields_of(Closing, self._get(closing_key(key, shard)) or {}))

    def put_closing(self, batch: Batch, shard: int, closing: Closing) -> None:
        """Record the progress of the ending in a shard. Finalizers may overwrite each other: every value is correct."""
        record = closing_key(batch.key, shard) | attributes(camel_cased(vars(closing)))
        self.client.put_item(TableName=self.name, Item=record | {"expiresAt": expiry(batch.deadline)})
