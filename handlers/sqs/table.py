"""The only module that knows DynamoDB: every read and write of the batch protocol, each with its condition.

A condition decides, never a read before a write: every operation may be repeated, and of two that compete one wins.
"""

import heapq
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import batched, islice

from handlers.aws.backoff import TRIES, back_off
from handlers.aws.errors import ServiceUnavailable
from handlers.core.batch import Ending, Status, iso, refuse_too_many
from handlers.core.bitmap import pending_indexes, with_settled
from handlers.sqs.encoding import (
    batch_from,
    batch_key,
    chunk_key,
    chunk_name,
    closing_key,
    failed_name,
    failed_partition,
    failed_record,
    failures_partition,
    failures_record,
    mistakes_key,
    n,
    segment_from,
    segment_key,
    settled_of,
    shard_partition,
    whole,
)
from handlers.sqs.records import (
    MAX_SEGMENTS,
    SEGMENT_STRIDE,
    Batch,
    BatchKey,
    ChunkKey,
    Claim,
    Closing,
    Dropped,
    Gone,
    Held,
    Remainder,
    Segment,
)

FOREVER = 2**53
LAST_SEQ = 10**12 - 1
LAST_INDEX = 10**5 - 1
# Of so many segments at most the cursors are looked at to see whether a batch moves: batchers take them in turn.
GLIMPSED_SEGMENTS = 10
# TTL must lie beyond everything that reads a record, since one that is taken too early would read as done: the deadline
# of its batch, a message's retention, and a redrive with a deadline of its own.
KEEP_SECONDS = 60 * 24 * 3600
REDRIVE_WITHIN_SECONDS = 45 * 24 * 3600


SCHEDULED_LAST = {"PK": {"S": "schedule"}, "SK": {"S": "last"}}


class TableUnavailable(ServiceUnavailable):
    """DynamoDB left writes unprocessed after every retry."""


class BatchTable:
    """The table `name`. `client` is boto3's low-level DynamoDB client."""

    def __init__(self, client, name: str):
        self.client = client
        self.name = name

    # The batch record

    def create_batch(self, batch: Batch) -> bool:
        """Create the batch record and its line in the list of recent batches; false if the batch exists already."""
        expires = str(batch.deadline // 1000 + KEEP_SECONDS)
        recent = {
            "PK": {"S": "batches"},
            "SK": {"S": f"{iso(batch.started_at)}#{batch.batch_id}#{batch.generation}"},
            "expiresAt": {"N": expires},
        }
        record = {
            **batch_key(batch.key),
            "status": {"S": batch.status},
            "request": {"S": json.dumps(batch.request.to_json())},
            "shards": {"N": str(batch.shards)},
            "startedAt": {"N": str(batch.started_at)},
            "deadline": {"N": str(batch.deadline)},
            "segmentCount": {"N": str(batch.segment_count)},
            "segmentLength": {"N": str(batch.segment_length)},
            "items": {"N": "0"},
            "chunks": {"N": "0"},
            "announceUntil": {"N": "0"},
            "expiresAt": {"N": expires},
        }
        counts = {
            "extent": batch.extent,
            "expected": batch.expected,
            "succeeded": batch.succeeded,
            "failed": batch.failed,
            "remaining": batch.remaining,
        }
        record |= {name: n(count) for name, count in counts.items() if count is not None}
        if batch.finished_at:
            record["finishedAt"] = n(batch.finished_at)
        if batch.segments:
            record["segments"] = {"NS": [str(segment) for segment in sorted(batch.segments)]}
        if batch.reason:
            record["reason"] = {"S": batch.reason}
        if batch.notified:
            record["notified"] = {"BOOL": True}
        try:
            self.client.put_item(TableName=self.name, Item=record, ConditionExpression="attribute_not_exists(PK)")
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        self.client.put_item(TableName=self.name, Item=recent)
        return True

    def get_batch(self, batch_id: str, generation: int = 1) -> Batch | None:
        """The batch record, strongly consistent."""
        key = batch_key(BatchKey(batch_id, generation))
        answer = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        return batch_from(answer["Item"]) if "Item" in answer else None

    def latest_generation(self, batch_id: str) -> int | None:
        """The batch's generation that was started last; None when there is no such batch."""
        newest = self.client.query(
            **self._partition(batch_key(BatchKey(batch_id))["PK"]["S"]),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return int(newest[0]["SK"]["S"].partition("#")[0]) if newest else None

    def recent(self, limit: int = 20) -> list[Batch]:
        """The batches started last, newest first."""
        lines = self.client.query(**self._partition("batches"), ScanIndexForward=False, Limit=limit)["Items"]
        keys = [line["SK"]["S"].rsplit("#", 2)[1:] for line in lines]
        batches = (self.get_batch(batch_id, int(generation)) for batch_id, generation in keys)
        return [batch for batch in batches if batch]

    def give_up(self, key: BatchKey, segment: int, reason: str, now: int) -> bool:
        """Move an open batch's deadline to `now`, since nobody will make its segment; false if that is made."""
        return self._update(
            batch_key(key),
            "SET deadline = :now, reason = :reason",
            "#status = :open AND contains(#segments, :segment)",
            {":now": n(now), ":reason": {"S": reason}, ":open": {"S": Status.OPEN}, ":segment": n(segment)},
        )

    def fail(self, key: BatchKey, reason: str, now: int) -> bool:
        """Move an open batch's deadline to `now`, to end it FAILED; false if it has ended, or has a reason already."""
        return self._update(
            batch_key(key),
            "SET deadline = :now, reason = :reason",
            "#status = :open AND attribute_not_exists(reason)",
            {":now": n(now), ":reason": {"S": reason}, ":open": {"S": Status.OPEN}},
        )

    def count_mistake(self, key: BatchKey, place: str, now: int) -> int:
        """Count one more mistake that was met by `place`, of a batch that need not exist; returns how many that makes.

        A try that DynamoDB or its caller repeats may be counted twice: giving up a little earlier does no harm.
        """
        return whole(
            self.client.update_item(
                TableName=self.name,
                Key=mistakes_key(key, place),
                UpdateExpression="SET expiresAt = :expires ADD mistakes :one",
                ExpressionAttributeValues={":one": n(1), ":expires": n(now // 1000 + KEEP_SECONDS)},
                ReturnValues="ALL_NEW",
            )["Attributes"],
            "mistakes",
        )

    def cancel(self, key: BatchKey, now: int) -> bool:
        """Move an open batch's deadline to `now`, to end it CANCELLED; false if it has ended or is past it already."""
        return self._update(
            batch_key(key),
            "SET cancelled = :true, deadline = :now",
            "#status = :open AND deadline > :now",
            {":true": {"BOOL": True}, ":now": n(now), ":open": {"S": Status.OPEN}},
        )

    def scheduled_last(self) -> str | None:
        """The id of the batch that the schedule started last, while it is kept track of."""
        answer = self.client.get_item(TableName=self.name, Key=SCHEDULED_LAST, ConsistentRead=True)
        return answer["Item"]["batchId"]["S"] if "Item" in answer else None

    def record_scheduled(self, batch_id: str) -> None:
        """The schedule is starting this batch."""
        self.client.put_item(TableName=self.name, Item={**SCHEDULED_LAST, "batchId": {"S": batch_id}})

    def finish(self, key: BatchKey, ending: Ending, drained_at: int | None, announce_until: int) -> bool:
        """Set an open batch's final status and counts; true for the single winner."""
        values = {
            ":open": {"S": Status.OPEN},
            ":status": {"S": ending.status},
            ":items": n(ending.items),
            ":chunks": n(ending.chunks),
            ":succeeded": n(ending.succeeded),
            ":failed": n(ending.failed),
            ":remaining": n(ending.remaining),
            ":finished": n(ending.finished_at),
            ":until": n(announce_until),
        }
        update = (
            "SET #status = :status, #items = :items, succeeded = :succeeded, failed = :failed, remaining = :remaining,"
            " chunks = :chunks, finishedAt = :finished, announceUntil = :until"
        )
        if drained_at:
            update += ", drainedAt = :drained"
            values[":drained"] = n(drained_at)
        if ending.reason:
            update += ", reason = :reason"
            values[":reason"] = {"S": ending.reason}
        else:
            update += " REMOVE reason"
        return self._update(batch_key(key), update, "#status = :open", values)

    def take_announcement_over(self, batch: Batch, announce_until: int) -> bool:
        """Become the announcer in place of one that died; false if somebody else did, or it is announced."""
        return self._update(
            batch_key(batch.key),
            "SET announceUntil = :until",
            "announceUntil = :seen AND attribute_not_exists(notified) AND #status <> :open",
            {":until": n(announce_until), ":seen": n(batch.announce_until), ":open": {"S": Status.OPEN}},
        )

    def record_notified(self, key: BatchKey) -> None:
        """Batch Finished is published."""
        self.client.update_item(
            TableName=self.name,
            Key=batch_key(key),
            UpdateExpression="SET notified = :true",
            ConditionExpression="attribute_exists(PK)",
            ExpressionAttributeValues={":true": {"BOOL": True}},
        )

    def record_progress(self, key: BatchKey, progress: str, now: int) -> bool:
        """What is still to do looked like `progress` at `now`."""
        values = {":progress": {"S": progress}, ":now": n(now), ":open": {"S": Status.OPEN}}
        return self._update(
            batch_key(key), "SET progress = :progress, progressAt = :now REMOVE stalled", "#status = :open", values
        )

    def record_stalled(self, batch: Batch) -> bool:
        """True for the single winner, who tells that nothing has moved since `batch.progress_at`."""
        return self._update(
            batch_key(batch.key),
            "SET stalled = :true",
            "#status = :open AND progressAt = :seen AND attribute_not_exists(stalled)",
            {":true": {"BOOL": True}, ":seen": n(batch.progress_at), ":open": {"S": Status.OPEN}},
        )

    # Segments

    def claim_segment(self, key: BatchKey, number: int, now: int, lease_until: int) -> Segment | Held:
        """Take the segment's lease, creating its record the first time."""
        try:
            record = self.client.update_item(
                TableName=self.name,
                Key=segment_key(key, number),
                UpdateExpression="SET leaseUntil = :lease, expiresAt = if_not_exists(expiresAt, :expires)",
                ConditionExpression="attribute_not_exists(leaseUntil) OR leaseUntil < :now",
                ExpressionAttributeValues={
                    ":lease": n(lease_until),
                    ":now": n(now),
                    ":expires": n(now // 1000 + KEEP_SECONDS),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except self.client.exceptions.ConditionalCheckFailedException as held:
            return Held(whole(held.response["Item"], "leaseUntil"))
        return segment_from(number, record)

    def fence_segment(self, key: BatchKey, number: int, now: int) -> Segment | Held:
        """Take the segment from all batchers, for ever; Held while one of them is at it. May be repeated."""
        outcome = self.claim_segment(key, number, now, FOREVER)
        if isinstance(outcome, Held) and outcome.lease_until >= FOREVER:
            return self.get_segment(key, number) or Segment(number, FOREVER)
        return outcome

    def get_segment(self, key: BatchKey, number: int) -> Segment | None:
        """The segment record, strongly consistent."""
        answer = self.client.get_item(TableName=self.name, Key=segment_key(key, number), ConsistentRead=True)
        return segment_from(number, answer["Item"]) if "Item" in answer else None

    def advance_segment(self, key: BatchKey, segment: Segment) -> bool:
        """Move the cursor to where `segment` says; false if its lease is lost, to a batcher or to the finalizer."""
        return self._update(
            segment_key(key, segment.number),
            "SET nextChunk = :chunk, nextItem = :item, windowChunk = :wchunk, windowItem = :witem",
            "leaseUntil = :lease",
            {
                ":chunk": n(segment.next_chunk),
                ":item": n(segment.next_item),
                ":wchunk": n(segment.window_chunk),
                ":witem": n(segment.window_item),
                ":lease": n(segment.lease_until),
            },
        )

    def release_segment(self, key: BatchKey, segment: Segment) -> None:
        """Let the next batcher take the segment at once."""
        self._update(
            segment_key(key, segment.number), "SET leaseUntil = :zero", "leaseUntil = :lease",
            {":zero": n(0), ":lease": n(segment.lease_until)},
        )  # fmt: skip

    def count_made(self, key: BatchKey) -> int:
        """The items that all segments of a batch have by now, strongly consistent."""
        first, last = segment_key(key, 0), segment_key(key, MAX_SEGMENTS)
        query = self._between(first["PK"]["S"], first["SK"]["S"], last["SK"]["S"])
        pages = self.client.get_paginator("query").paginate(**query, ConsistentRead=True)
        return sum(whole(record, "nextItem") for page in pages for record in page["Items"])

    def finish_segment(
        self, key: BatchKey, number: int, items: int, chunks: int, most: int, broken: str | None = None
    ) -> Batch | None:
        """Count a segment as made, once; returns the batch as it is then. None: it was counted before.

        `broken` says why its input could not be read to the segment's end: the batch will end FAILED for it.

        Raises InvalidRequest when the batch would have more than `most` items.
        """
        mark = "SET broken = if_not_exists(broken, :broken) " if broken else ""
        try:
            record = self.client.update_item(
                TableName=self.name,
                Key=batch_key(key),
                UpdateExpression=f"{mark}DELETE #segments :numbers ADD #items :items, chunks :chunks",
                ConditionExpression="contains(#segments, :number) AND #status = :open AND #items <= :room",
                ExpressionAttributeNames={"#segments": "segments", "#items": "items", "#status": "status"},
                ExpressionAttributeValues={
                    ":numbers": {"NS": [str(number)]},
                    ":number": n(number),
                    ":items": n(items),
                    ":chunks": n(chunks),
                    ":open": {"S": Status.OPEN},
                    ":room": n(most - items),
                    **({":broken": {"S": broken}} if broken else {}),
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            found = refused.response.get("Item")
            batch = batch_from(found) if found else None
            if batch and batch.status == Status.OPEN and number in batch.segments:
                refuse_too_many(batch.items + items, most)
            return None
        return batch_from(record)

    # Chunks

    def put_chunks(self, sizes: Mapping[ChunkKey, int], now: int) -> None:
        """Write the chunk records of a window that was never put before: chunk -> its number of items.

        Raises TableUnavailable.
        """
        common = {"attempts": n(0), "expiresAt": n(now // 1000 + KEEP_SECONDS)}
        self._write_batch(
            {"PutRequest": {"Item": {**chunk_key(key), "size": n(size), **common}}} for key, size in sizes.items()
        )

    def claim_chunk(
        self, key: ChunkKey, now: int, lease_until: int, attempts_used: int = 0
    ) -> Claim | Held | Gone | Dropped:
        """Take the chunk's lease and count the attempt; with `attempts_used` it counts as that many at once."""
        if attempts_used:
            return self._take(key, now, lease_until, ", attempts = :used", {":used": n(attempts_used)})
        return self._take(key, now, lease_until, " ADD attempts :one", {":one": n(1)})

    def _take(
        self, key: ChunkKey, now: int, lease_until: int, more: str, values: dict
    ) -> Claim | Held | Gone | Dropped:
        try:
            record = self.client.update_item(
                TableName=self.name,
                Key=chunk_key(key),
                UpdateExpression=f"SET leaseUntil = :lease{more}",
                ConditionExpression="attribute_exists(PK) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
                ExpressionAttributeValues={":lease": n(lease_until), ":now": n(now), **values},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            held = refused.response.get("Item")
            if not held:
                return Gone()
            if whole(held, "leaseUntil") >= FOREVER:
                return Dropped(whole(held, "attempts"), settled_of(held))
            return Held(whole(held, "leaseUntil"))
        return Claim(key, lease_until, whole(record, "attempts"), settled_of(record))

    def save_chunk(self, claim: Claim, settled: Iterable[int], count: int, max_attempts: int) -> bool:
        """Write down which items are settled, and that the chunk's attempts are used up: the others fail now.

        The lease is kept; false if it was lost meanwhile.
        """
        values = {
            ":lease": n(claim.lease_until),
            ":settled": {"B": with_settled(claim.settled, settled, count)},
            ":attempts": n(max(claim.attempts, max_attempts)),
        }
        update = "SET settled = :settled, attempts = :attempts"
        return self._update(chunk_key(claim.key), update, "leaseUntil = :lease", values)

    def release_chunk(self, claim: Claim, settled: Iterable[int], count: int, give_back_attempt: bool) -> bool:
        """Write down which items are settled and end the lease; false if it was lost meanwhile."""
        values = {
            ":lease": n(claim.lease_until),
            ":zero": n(0),
            ":settled": {"B": with_settled(claim.settled, settled, count)},
            ":back": n(-1 if give_back_attempt else 0),
        }
        update = "SET leaseUntil = :zero, settled = :settled ADD attempts :back"
        return self._update(chunk_key(claim.key), update, "leaseUntil = :lease", values)

    def delete_chunks(self, keys: Iterable[ChunkKey]) -> None:
        """Delete chunk records: those chunks are done. Raises TableUnavailable."""
        self._write_batch({"DeleteRequest": {"Key": chunk_key(key)}} for key in keys)

    def is_shard_empty(self, batch: BatchKey, shard: int) -> bool:
        """Whether no chunk record is left in the shard, strongly consistent."""
        answer = self.client.query(**self._shard(batch, shard), Limit=1, Select="COUNT", ConsistentRead=True)
        return answer["Count"] == 0

    def count_chunks(self, batch: Batch) -> int:
        """How many chunk records are left in all; reads each of them, so it is for people, not for the protocol."""
        pages = self.client.get_paginator("query").paginate
        shards = range(batch.shards)
        return sum(page["Count"] for s in shards for page in pages(**self._shard(batch.key, s), Select="COUNT"))

    def glimpse(self, batch: Batch, limit: int = 100) -> str:
        """A digest of the first cursors and of the first records of every shard; it changes when the batch moves."""
        parts = [f"{batch.items}"]
        for number in sorted(batch.segments)[:GLIMPSED_SEGMENTS]:
            segment = self.get_segment(batch.key, number)
            parts.append(f"{segment.next_chunk if segment else 0}")
        for shard in range(batch.shards):
            records = self.client.query(**self._shard(batch.key, shard), Limit=limit)["Items"]
            parts += [f"{r['SK']['S']}/{whole(r, 'attempts')}/{whole(r, 'leaseUntil')}" for r in records]
        return blake2b(" ".join(parts).encode(), digest_size=16).hexdigest()

    def first_chunks(self, batch: Batch, limit: int) -> list[int]:
        """The numbers of the first chunks that are left, of up to `limit`."""
        shards = (
            self.client.query(**self._shard(batch.key, shard), Limit=limit)["Items"] for shard in range(batch.shards)
        )
        return sorted(int(record["SK"]["S"]) for records in shards for record in records)[:limit]

    def drop_chunks(self, batch: Batch, shard: int, now: int, first: int) -> Iterator[Remainder | Held]:
        """Take every free chunk of a shard from number `first` on out of processing, by their numbers; may be repeated.

        Yields each chunk dropped now or before, and the lease of each that a processor still holds.
        """
        for record in self._chunks(batch, shard, first):
            key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
            outcome: Claim | Held | Gone | Dropped = Dropped(whole(record, "attempts"), settled_of(record))
            if whole(record, "leaseUntil") < FOREVER:
                outcome = self._take(key, now, FOREVER, "", {})
            if isinstance(outcome, Held):
                yield outcome
            elif isinstance(outcome, Claim | Dropped):
                yield Remainder(key, pending_indexes(outcome.settled, whole(record, "size")), outcome.attempts)

    def get_closing(self, key: BatchKey, shard: int) -> Closing:
        """How far the end has come in a shard."""
        answer = self.client.get_item(TableName=self.name, Key=closing_key(key, shard), ConsistentRead=True)
        record = answer.get("Item", {})
        names = ("nextSeq", "remaining", "nextCounted", "failed")
        return Closing(*(whole(record, name) for name in names))

    def put_closing(self, batch: Batch, shard: int, closing: Closing) -> None:
        """Write down how far the end has come in a shard: whoever writes last, each says what is so."""
        self.client.put_item(
            TableName=self.name,
            Item={
                **closing_key(batch.key, shard),
                "nextSeq": n(closing.next_seq),
                "remaining": n(closing.remaining),
                "nextCounted": n(closing.next_counted),
                "failed": n(closing.failed),
                "expiresAt": n(batch.deadline // 1000 + KEEP_SECONDS),
            },
        )

    def dropped_chunks(self, batch: Batch, segment: int) -> Iterator[Remainder]:
        """The chunks of a segment that its batch, which has ended early, left over; by their numbers."""
        shards = (self._dropped_of_shard(batch, shard, segment) for shard in range(batch.shards))
        return heapq.merge(*shards, key=lambda left: left.key.seq)

    def _dropped_of_shard(self, batch: Batch, shard: int, segment: int) -> Iterator[Remainder]:
        first = segment * SEGMENT_STRIDE
        for record in self._chunks(batch, shard, first, first + SEGMENT_STRIDE - 1):
            key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
            pending = pending_indexes(settled_of(record), whole(record, "size"))
            yield Remainder(key, pending, whole(record, "attempts"))

    # Failed items

    def put_failed(
        self, key: ChunkKey, failed: dict[int, tuple[dict, str]], attempts: int, now: int, before: int = 0
    ) -> None:
        """Record items as failed for good: index in the chunk -> (item, error); then how many of the chunk are.

        `before`: how many others of it were recorded earlier. The count comes last: where it stands all items do.
        Raises TableUnavailable.
        """
        expires = now // 1000 + KEEP_SECONDS
        self._write_batch(
            {"PutRequest": {"Item": failed_record(key, index, item, error, attempts, expires)}}
            for index, (item, error) in failed.items()
        )
        if count := before + len(failed):
            self._write_batch([{"PutRequest": {"Item": failures_record(key, count, expires)}}])

    def put_failed_count(self, key: ChunkKey, count: int, now: int) -> None:
        """Write down how many items of a chunk have failed for good, in place of whoever recorded them and died."""
        self.client.put_item(TableName=self.name, Item=failures_record(key, count, now // 1000 + KEEP_SECONDS))

    def failed_counts(self, batch: Batch, shard: int, first: int = 0) -> Iterator[list[tuple[int, int]]]:
        """Pages of (chunk, how many of its items have failed for good), from chunk `first` on, strongly consistent."""
        query = self._between(failures_partition(batch.key, shard), chunk_name(first), chunk_name(LAST_SEQ))
        for page in self.client.get_paginator("query").paginate(**query, ConsistentRead=True):
            yield [(int(record["SK"]["S"]), whole(record, "count")) for record in page["Items"]]

    def count_failed(self, batch: Batch) -> int:
        """How many items have failed for good so far; for people, and far cheaper than the items themselves."""
        pages = self.client.get_paginator("query").paginate
        partitions = (self._partition(failures_partition(batch.key, shard)) for shard in range(batch.shards))
        return sum(
            whole(record, "count") for query in partitions for page in pages(**query) for record in page["Items"]
        )

    def failed_indexes(self, key: ChunkKey) -> set[int]:
        """The indexes of the chunk's items that have failed for good, strongly consistent."""
        partition = failed_partition(key.batch, key.shard)
        query = self._between(partition, failed_name(key.seq, 0), failed_name(key.seq, LAST_INDEX))
        pages = self.client.get_paginator("query").paginate(**query, ConsistentRead=True)
        return {int(record["SK"]["S"].split("#")[1]) for page in pages for record in page["Items"]}

    def failed_items(self, batch: Batch, skip: int = 0) -> Iterator[dict]:
        """Every item that has failed for good: `seq`, `index`, `item`, `error`, `attempts`.

        Of a batch that has ended the first `skip` are passed over by their counts, so that few of them are read.
        """
        paginator = self.client.get_paginator("query")
        for shard in range(batch.shards):
            first, skip = self._passed_over(batch, shard, skip) if skip else (0, 0)
            if first is None:
                continue
            names = failed_name(first, 0), failed_name(LAST_SEQ, LAST_INDEX)
            query = self._between(failed_partition(batch.key, shard), *names)
            records = (record for page in paginator.paginate(**query, ConsistentRead=True) for record in page["Items"])
            for record in islice(records, skip, None):
                seq, index = record["SK"]["S"].split("#")
                yield {
                    "seq": int(seq),
                    "index": int(index),
                    "item": json.loads(record["item"]["S"]),
                    "error": record["error"]["S"],
                    "attempts": whole(record, "attempts"),
                }
            skip = 0

    def _passed_over(self, batch: Batch, shard: int, skip: int) -> tuple[int | None, int]:
        """The chunk with the failed item that `skip` others of the shard come before, and how many of them are its own.

        None: the shard has no more than those, and the second says how many are left to skip.
        """
        for page in self.failed_counts(batch, shard):
            for seq, count in page:
                if skip < count:
                    return seq, skip
                skip -= count
        return None, skip

    # Shared

    def _shard(self, batch: BatchKey, shard: int) -> dict:
        return self._partition(shard_partition(batch, shard))

    def _chunks(self, batch: Batch, shard: int, first: int = 0, last: int = LAST_SEQ) -> Iterator[dict]:
        """The chunk records of a shard, from number `first` to `last`, strongly consistent."""
        query = self._between(shard_partition(batch.key, shard), chunk_name(first), chunk_name(last))
        for page in self.client.get_paginator("query").paginate(**query, ConsistentRead=True):
            yield from page["Items"]

    def _partition(self, value: str) -> dict:
        return {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk",
            "ExpressionAttributeValues": {":pk": {"S": value}},
        }

    def _between(self, partition: str, first: str, last: str) -> dict:
        return {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":first": {"S": first}, ":last": {"S": last}},
        }

    def _update(self, key: dict, update: str, condition: str, values: dict) -> bool:
        """A conditional update: whether its condition held. `#name` stands for a name that DynamoDB reserves."""
        reserved = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{update} {condition}")}
        try:
            self.client.update_item(
                TableName=self.name,
                Key=key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **({"ExpressionAttributeNames": reserved} if reserved else {}),
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _write_batch(self, requests: Iterable[dict]) -> None:
        """BatchWriteItem in full calls; what DynamoDB leaves unprocessed is tried again with full-jitter back-off."""
        for group in batched(requests, 25, strict=False):
            left: list[dict] = list(group)
            for attempt in range(TRIES):
                answer = self.client.batch_write_item(RequestItems={self.name: left})
                left = answer["UnprocessedItems"].get(self.name, [])
                if not left:
                    break
                back_off(attempt)
            else:
                raise TableUnavailable(f"{len(left)} writes left unprocessed by {self.name} after {TRIES} tries")
