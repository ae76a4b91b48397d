"""The only module that knows DynamoDB: every read and write of the batch protocol, each with its condition.

A condition decides, never a read before a write: every operation may be repeated, and of two that compete one wins.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import batched

from handlers.batch import Ending, Status, iso
from handlers.pending import pending_indexes, with_settled
from handlers.sqs.backoff import TRIES, back_off
from handlers.sqs.encoding import (
    batch_from,
    batch_key,
    chunk_key,
    failed_partition,
    n,
    segment_from,
    segment_key,
    settled_of,
    shard_partition,
    whole,
)
from handlers.sqs.records import Batch, BatchKey, ChunkKey, Claim, Dropped, Gone, Held, Remainder, Segment

FOREVER = 2**53
# Longer than any deadline plus a message's retention: a record that TTL takes too early would read as done.
KEEP_SECONDS = 30 * 24 * 3600


class TableUnavailable(Exception):
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
            "items": {"N": "0"},
            "chunks": {"N": "0"},
            "announceUntil": {"N": "0"},
            "expiresAt": {"N": expires},
        }
        counts = {"succeeded": batch.succeeded, "failed": batch.failed, "remaining": batch.remaining}
        record |= {name: n(count) for name, count in counts.items() if count is not None}
        if batch.finished_at:
            record["finishedAt"] = n(batch.finished_at)
        if batch.segments:
            record["segments"] = {"NS": [str(segment) for segment in sorted(batch.segments)]}
        if batch.reason:
            record["reason"] = {"S": batch.reason}
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

    def recent(self, limit: int = 20) -> list[Batch]:
        """The batches started last, newest first."""
        lines = self.client.query(
            TableName=self.name,
            KeyConditionExpression="PK = :pk",
            ExpressionAttributeValues={":pk": {"S": "batches"}},
            ScanIndexForward=False,
            Limit=limit,
        )["Items"]
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

    def advance_segment(self, batch: Batch, segment: Segment) -> bool:
        """Move the cursor to where `segment` says; false if the batch is closed or the lease is lost."""
        check = {
            "TableName": self.name,
            "Key": batch_key(batch.key),
            "ConditionExpression": "#status = :open",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":open": {"S": Status.OPEN}},
        }
        update = {
            "TableName": self.name,
            "Key": segment_key(batch.key, segment.number),
            "UpdateExpression": "SET nextSeq = :seq, nextItem = :item, windowSeq = :wseq, windowItem = :witem",
            "ConditionExpression": "leaseUntil = :lease",
            "ExpressionAttributeValues": {
                ":seq": n(segment.next_seq),
                ":item": n(segment.next_item),
                ":wseq": n(segment.window_seq),
                ":witem": n(segment.window_item),
                ":lease": n(segment.lease_until),
            },
        }
        for attempt in range(TRIES):
            try:
                self.client.transact_write_items(TransactItems=[{"ConditionCheck": check}, {"Update": update}])
                return True
            except self.client.exceptions.TransactionCanceledException as cancelled:
                codes = {reason["Code"] for reason in cancelled.response["CancellationReasons"]}
                if "ConditionalCheckFailed" in codes:
                    return False
                if "TransactionConflict" not in codes:
                    raise
            back_off(attempt)
        raise TableUnavailable(f"the cursor of {batch.batch_id} met a conflict {TRIES} times")

    def release_segment(self, key: BatchKey, segment: Segment) -> None:
        """Let the next batcher take the segment at once."""
        self._update(
            segment_key(key, segment.number), "SET leaseUntil = :zero", "leaseUntil = :lease",
            {":zero": n(0), ":lease": n(segment.lease_until)},
        )  # fmt: skip

    def finish_segment(self, key: BatchKey, number: int, items: int, chunks: int) -> Batch | None:
        """Count a segment as made, once; returns the batch as it is then. None: it was counted before."""
        try:
            record = self.client.update_item(
                TableName=self.name,
                Key=batch_key(key),
                UpdateExpression="DELETE #segments :numbers ADD #items :items, chunks :chunks",
                ConditionExpression="contains(#segments, :number) AND #status = :open",
                ExpressionAttributeNames={"#segments": "segments", "#items": "items", "#status": "status"},
                ExpressionAttributeValues={
                    ":numbers": {"NS": [str(number)]},
                    ":number": n(number),
                    ":items": n(items),
                    ":chunks": n(chunks),
                    ":open": {"S": Status.OPEN},
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self.client.exceptions.ConditionalCheckFailedException:
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
        update = (
            "SET leaseUntil = :lease, attempts = :used"
            if attempts_used
            else "SET leaseUntil = :lease ADD attempts :one"
        )
        values = {":lease": n(lease_until), ":now": n(now)}
        values |= {":used": n(attempts_used)} if attempts_used else {":one": n(1)}
        try:
            record = self.client.update_item(
                TableName=self.name,
                Key=chunk_key(key),
                UpdateExpression=update,
                ConditionExpression="attribute_exists(PK) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)",
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )["Attributes"]
        except self.client.exceptions.ConditionalCheckFailedException as refused:
            held = refused.response.get("Item")
            if not held:
                return Gone()
            if whole(held, "leaseUntil") >= FOREVER:
                return Dropped(settled_of(held))
            return Held(whole(held, "leaseUntil"))
        return Claim(key, lease_until, whole(record, "attempts"), settled_of(record))

    def save_chunk(self, claim: Claim, settled: Iterable[int], count: int) -> bool:
        """Write down which items are settled and keep the lease; false if the lease was lost meanwhile."""
        values = {":lease": n(claim.lease_until), ":settled": {"B": with_settled(claim.settled, settled, count)}}
        return self._update(chunk_key(claim.key), "SET settled = :settled", "leaseUntil = :lease", values)

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
        """A digest of the cursors and of the first records of every shard; it changes when the batch moves."""
        parts = [f"{batch.items}"]
        for number in sorted(batch.segments):
            segment = self.get_segment(batch.key, number)
            parts.append(f"{segment.next_seq if segment else 0}")
        for shard in range(batch.shards):
            records = self.client.query(**self._shard(batch.key, shard), Limit=limit)["Items"]
            parts += [f"{r['SK']['S']}/{whole(r, 'attempts')}/{whole(r, 'leaseUntil')}" for r in records]
        return blake2b(" ".join(parts).encode(), digest_size=16).hexdigest()

    def drop_chunks(self, batch: Batch, now: int) -> Iterator[Remainder | Held]:
        """Take every free chunk out of processing, for a batch that ends early; may be repeated.

        Yields what remains to be processed of each chunk dropped now or before, and the lease of each that a processor
        still holds.
        """
        for shard in range(batch.shards):
            query = self.client.get_paginator("query")
            for page in query.paginate(**self._shard(batch.key, shard), ConsistentRead=True):
                for record in page["Items"]:
                    key = ChunkKey(batch.key, shard, int(record["SK"]["S"]))
                    outcome: Claim | Held | Gone | Dropped
                    if whole(record, "leaseUntil") < FOREVER:
                        outcome = self.claim_chunk(key, now, FOREVER)
                    else:
                        outcome = Dropped(settled_of(record))
                    if isinstance(outcome, Held):
                        yield outcome
                    elif isinstance(outcome, Claim | Dropped):
                        # As it is now: a processor may have been at it since the query read it.
                        yield Remainder(key.seq, pending_indexes(outcome.settled, whole(record, "size")))

    # Failed items

    def put_failed(self, key: ChunkKey, failed: dict[int, tuple[dict, str]], attempts: int, now: int) -> None:
        """Record items as failed for good: index in the chunk -> (item, error). Raises TableUnavailable."""
        expires = n(now // 1000 + KEEP_SECONDS)
        self._write_batch(
            {
                "PutRequest": {
                    "Item": {
                        "PK": {"S": failed_partition(key.batch)},
                        "SK": {"S": f"{key.seq:09d}#{index:05d}"},
                        "item": {"S": json.dumps(item)},
                        "error": {"S": error},
                        "attempts": n(attempts),
                        "expiresAt": expires,
                    }
                }
            }
            for index, (item, error) in failed.items()
        )

    def count_failed(self, key: BatchKey) -> int:
        """How many items have failed for good, strongly consistent."""
        pages = self.client.get_paginator("query").paginate(**self._failed(key), Select="COUNT", ConsistentRead=True)
        return sum(page["Count"] for page in pages)

    def failed_indexes(self, key: BatchKey) -> set[tuple[int, int]]:
        """(seq, index in the chunk) of every item that has failed for good, strongly consistent."""
        pages = self.client.get_paginator("query").paginate(**self._failed(key), ConsistentRead=True)
        names = (record["SK"]["S"].split("#") for page in pages for record in page["Items"])
        return {(int(seq), int(index)) for seq, index in names}

    def failed_items(self, batch_id: str, generation: int = 1) -> Iterator[dict]:
        """Every item that has failed for good: `item`, `error`, `attempts`."""
        for page in self.client.get_paginator("query").paginate(**self._failed(BatchKey(batch_id, generation))):
            for record in page["Items"]:
                yield {
                    "item": json.loads(record["item"]["S"]),
                    "error": record["error"]["S"],
                    "attempts": whole(record, "attempts"),
                }

    # Shared

    def _shard(self, batch: BatchKey, shard: int) -> dict:
        return self._partition(shard_partition(batch, shard))

    def _failed(self, key: BatchKey) -> dict:
        return self._partition(failed_partition(key))

    def _partition(self, value: str) -> dict:
        return {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk",
            "ExpressionAttributeValues": {":pk": {"S": value}},
        }

    def _update(self, key: dict, update: str, condition: str, values: dict) -> bool:
        """A conditional update: whether its condition held. `#name` stands for a name that DynamoDB reserves."""
        reserved = {f"#{name}": name for name in re.findall(r"#(\w+)", f"{update} {condition}")}
        for attempt in range(TRIES):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    **({"ExpressionAttributeNames": reserved} if reserved else {}),
                )
                return True
            except self.client.exceptions.ConditionalCheckFailedException:
                return False
            except self.client.exceptions.TransactionConflictException:
                # A batcher's cursor moves in a transaction that looks at the batch record.
                back_off(attempt)
        raise TableUnavailable(f"an update of {self.name} met a conflict {TRIES} times")

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
