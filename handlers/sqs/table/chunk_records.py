"""Chunk records, which exist until their chunk is finished, and closing records: an ending's progress in a shard."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from handlers.core.batch import camel_cased
from handlers.core.bitmap import unmarked_indexes
from handlers.sqs.encoding import (
    Record,
    attributes,
    bitmap_of,
    chunk_key,
    chunk_name,
    closing_key,
    fields_of,
    n,
    partition_of,
    whole,
)
from handlers.sqs.records import (
    SEGMENT_STRIDE,
    Batch,
    BatchKey,
    ChunkDropped,
    ChunkFinished,
    ChunkKey,
    ChunkLeft,
    Claim,
    Closing,
    LeaseHeld,
    Remainder,
)
from handlers.sqs.standstill import ChunkStates
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

    def claim_chunk(self, key: ChunkKey, now: int, lease_until: int) -> ClaimOutcome:
        """Take the chunk's lease and count the attempt."""
        return self._claim(key, now, lease_until, " ADD attempts :one", {":one": n(1)})

    def _claim(self, key: ChunkKey, now: int, lease_until: int, more: str, values: Record) -> ClaimOutcome:
        # What stood in its lease tells whether the holder before has released the chunk, or died.
        taken, record = self._take(
            chunk_key(key),
            f"SET heldBefore = if_not_exists(leaseUntil, :zero), leaseUntil = :lease{more}",
            "attribute_exists(PK) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
            {":lease": n(lease_until), ":now": n(now), ":zero": n(0), **values},
        )
        if taken:
            return claim_in(key, lease_until, record)
        if not record:
            return ChunkFinished()
        if whole(record, "leaseUntil") >= FOREVER:
            return ChunkDropped(bitmap_of(record, "settled"), died(record))
        return LeaseHeld(whole(record, "leaseUntil"))

    def save_chunk(self, claim: Claim, give_back: int) -> bool:
        """Record the claim's progress, and keep the lease; false if it was lost. So many attempts count no more."""
        return self._record_progress(claim, "", give_back)

    def release_chunk(self, claim: Claim, give_back: int) -> bool:
        """Record the claim's progress, and end the lease; otherwise as `save_chunk`."""
        return self._record_progress(claim, "leaseUntil = :zero", give_back)

    def free_chunk(self, claim: Claim) -> bool:
        """End the lease of an attempt that has met a mistake, whatever progress is recorded; false if it was lost."""
        values = {":lease": n(claim.lease_until), ":zero": n(0)}
        return self._update(chunk_key(claim.key), "SET leaseUntil = :zero REMOVE tried", "leaseUntil = :lease", values)

    def _record_progress(self, claim: Claim, lease: str, give_back: int) -> bool:
        bitmaps = {"settled": claim.settled, "tried": claim.tried, "suspects": claim.suspects}
        numbers = {"failed": claim.failed or None, "running": claim.running}
        present = {name: {"B": bitmap} for name, bitmap in bitmaps.items() if bitmap}
        present |= {name: n(number) for name, number in numbers.items() if number is not None}
        changes = [lease] if lease else []
        changes += [f"{name} = :{name}" for name in present]
        absent = (bitmaps.keys() | numbers.keys()) - present.keys()
        update = "ADD attempts :back" + (f" SET {', '.join(changes)}" if changes else "")
        update += f" REMOVE {', '.join(sorted(absent))}" if absent else ""
        values = {":lease": n(claim.lease_until), ":back": n(-give_back)}
        values |= {f":{name}": value for name, value in present.items()} | ({":zero": n(0)} if lease else {})
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

    def chunks_left(self, batch: Batch, limit: int) -> list[ChunkLeft]:
        """The first `limit` chunks that are left, in the order of their numbers. For people, as `count_chunks`."""
        names = {"#size": "size"}
        fields = {"ProjectionExpression": "SK, #size, attempts, leaseUntil, failed", "ExpressionAttributeNames": names}
        queries = (self._partition(partition_of("chunks", batch.key, shard)) for shard in range(batch.shards))
        records = (record for query in queries for page in self._pages(**query, **fields) for record in page["Items"])
        return sorted((chunk_left_in(record) for record in islice(records, limit)), key=lambda chunk: chunk.seq)

    def first_chunks(self, batch: Batch, limit: int) -> list[int]:
        """The numbers of the first `limit` chunks that are left."""
        records = (record for shard in range(batch.shards) for record in self._first(batch, shard, limit))
        return sorted(int(record["SK"]["S"]) for record in records)[:limit]

    def chunk_states(self, batch: Batch, now: int, limit: int) -> ChunkStates:
        """What the chunks that are left wait for, by the first `limit` of each shard."""
        records = [record for shard in range(batch.shards) for record in self._first(batch, shard, limit)]
        left = self.count_chunks(batch) if len(records) >= limit else len(records)
        leases = [(whole(record, "leaseUntil"), whole(record, "attempts")) for record in records]
        held = [until for until, _ in leases if now <= until < FOREVER]
        lost = [until for until, _ in leases if 0 < until < now]
        failed = [attempts for until, attempts in leases if not until and attempts]
        return ChunkStates(
            left=max(left, len(records)),
            seen=len(records),
            held=len(held),
            holders=len(set(held)),
            held_until=max(held, default=0),
            lost=len(lost),
            lost_at=max(lost, default=0),
            failed=len(failed),
            attempts=max(failed, default=0),
            waiting=sum(not until and not attempts for until, attempts in leases),
        )

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
            outcome: ClaimOutcome = ChunkDropped(bitmap_of(record, "settled"), died(record))
            if whole(record, "leaseUntil") < FOREVER:
                outcome = self._claim(key, now, FOREVER, "", {})
            if isinstance(outcome, LeaseHeld):
                yield outcome
            elif isinstance(outcome, Claim | ChunkDropped):
                pending = unmarked_indexes(outcome.settled, whole(record, "size"))
                yield Remainder(key, pending, outcome.died)

    def dropped_chunks(self, batch: Batch, segment: int) -> Iterator[Remainder]:
        """The chunks of a segment that its batch has dropped, in the order of their numbers."""
        shards = (self._dropped_of_shard(batch, shard, segment) for shard in range(batch.shards))
        return heapq.merge(*shards, key=lambda left: left.key.seq)

    def _dropped_of_shard(self, batch: Batch, shard: int, segment: int) -> Iterator[Remainder]:
        first = segment * SEGMENT_STRIDE
        for record in self._chunks(batch, shard, first, first + SEGMENT_STRIDE - 1):
            key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
            pending = unmarked_indexes(bitmap_of(record, "settled"), whole(record, "size"))
            yield Remainder(key, pending, died(record))

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


def claim_in(key: ChunkKey, lease_until: int, record: Record) -> Claim:
    """The claim of a chunk, by its record as the claim has left it."""
    return Claim(
        key,
        lease_until,
        attempts=whole(record, "attempts"),
        settled=bitmap_of(record, "settled"),
        tried=bitmap_of(record, "tried"),
        suspects=bitmap_of(record, "suspects"),
        failed=whole(record, "failed"),
        died=died(record),
        running=whole(record, "running") if "running" in record else None,
    )


def chunk_left_in(record: Record) -> ChunkLeft:
    """A chunk by its record, or by the attributes of it that are for people."""
    numbers = (whole(record, name) for name in ("size", "attempts", "leaseUntil", "failed"))
    return ChunkLeft(int(record["SK"]["S"]), *numbers)


def died(record: Record) -> bool:
    """Whether the invocation that held the chunk before the present one has not released it."""
    return whole(record, "heldBefore") > 0
