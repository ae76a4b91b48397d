"""The table: the records of whole batches. Its base classes have those of segments, chunks and failed items."""

from hashlib import blake2b

from handlers.core.batch import Ending, Status, iso
from handlers.sqs.encoding import Record, batch_from, batch_key, batch_record, n, whole
from handlers.sqs.records import SEGMENT_STRIDE, Batch, BatchKey
from handlers.sqs.standstill import TableLook
from handlers.sqs.table.base import expiry
from handlers.sqs.table.chunk_records import ChunkRecords
from handlers.sqs.table.failed_items import FailedItems
from handlers.sqs.table.segment_records import SegmentRecords

# A glimpse reads the cursors of this many segments: batchers make the segments roughly in their order.
GLIMPSED_SEGMENTS = 10
SCHEDULED_LAST = {"PK": {"S": "schedule"}, "SK": {"S": "last"}}


class BatchTable(SegmentRecords, ChunkRecords, FailedItems):
    """The table of a stack's batches, with every operation of the protocol."""

    def create_batch(self, batch: Batch) -> bool:
        """Create the batch record and its line in the list of recent batches; false if the batch exists already."""
        expires = expiry(batch.deadline)
        recent = {
            "PK": {"S": "batches"},
            "SK": {"S": f"{iso(batch.started_at)}#{batch.batch_id}#{batch.generation}"},
            "expiresAt": expires,
        }
        record = batch_record(batch) | {"expiresAt": expires}
        try:
            self.client.put_item(TableName=self.name, Item=record, ConditionExpression="attribute_not_exists(PK)")
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        self.client.put_item(TableName=self.name, Item=recent)
        return True

    def get_batch(self, batch_id: str, generation: int = 1) -> Batch | None:
        """The batch record, strongly consistent."""
        record = self._get(batch_key(BatchKey(batch_id, generation)))
        return batch_from(record) if record else None

    def latest_generation(self, batch_id: str) -> int | None:
        """The batch's generation that was started last; None if there is no such batch."""
        newest = self.client.query(
            **self._partition(batch_key(BatchKey(batch_id))["PK"]["S"]),
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return int(newest[0]["SK"]["S"].partition("#")[0]) if newest else None

    def recent(self, limit: int = 20) -> list[Batch]:
        """The batches started last, newest first."""
        batches = (self.get_batch(key.batch_id, key.generation) for key in self.recent_keys(limit))
        return [batch for batch in batches if batch]

    def recent_keys(self, limit: int) -> list[BatchKey]:
        """The keys of the batches started last, newest first."""
        lines = self.client.query(**self._partition("batches"), ScanIndexForward=False, Limit=limit)["Items"]
        keys = (line["SK"]["S"].rsplit("#", 2)[1:] for line in lines)
        return [BatchKey(batch_id, int(generation)) for batch_id, generation in keys]

    def abandon_segment(self, key: BatchKey, segment: int, reason: str, now: int) -> bool:
        """Move an open batch's deadline to `now`, because its segment cannot be made; false if it is made."""
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

    def cancel(self, key: BatchKey, now: int) -> bool:
        """Move an open batch's deadline to `now`, to end it CANCELLED; false if it has ended or is past it already."""
        return self._update(
            batch_key(key),
            "SET cancelled = :true, deadline = :now",
            "#status = :open AND deadline > :now",
            {":true": {"BOOL": True}, ":now": n(now), ":open": {"S": Status.OPEN}},
        )

    def report_unready(self, key: BatchKey, reason: str) -> int:
        """Count an invocation in which the work of an open batch cannot start, and return the count.

        0 if that is of no interest: the batch has ended, or is known to be worked on elsewhere.
        """
        counted, record = self._take(
            batch_key(key),
            "SET whyUnready = :reason ADD unready :one",
            "#status = :open AND attribute_not_exists(begun)",
            {":reason": {"S": reason}, ":one": n(1), ":open": {"S": Status.OPEN}},
        )
        return whole(record, "unready") if counted else 0

    def record_begun(self, key: BatchKey) -> bool:
        """Record that an open batch is worked on; false if it has ended."""
        values = {":true": {"BOOL": True}, ":open": {"S": Status.OPEN}}
        return self._update(batch_key(key), "SET begun = :true", "#status = :open", values)

    def is_untouched(self, batch: Batch) -> bool:
        """Whether no chunk of the batch was ever claimed. It reads all their records, up to the first that was."""
        cursors = {number: self.get_segment(batch.key, number) for number in batch.segments}
        made = {number: cursor.next_chunk if cursor else 0 for number, cursor in cursors.items()}
        # Behind a cursor that was read a moment ago there may be more by now.
        left = batch.chunks + sum(made.values())
        for record in (record for shard in range(batch.shards) for record in self._chunks(batch, shard)):
            if whole(record, "attempts"):
                return False
            number, place = divmod(int(record["SK"]["S"]), SEGMENT_STRIDE)
            left -= place < made.get(number, SEGMENT_STRIDE)
        return left <= 0

    def count_mistake(self, key: BatchKey, place: str, now: int) -> int:
        """Count one more mistake that `place` met, and return the count. The batch need not exist.

        A try that DynamoDB or the caller repeats may count twice. That only ends the batch a little earlier.
        """
        record: Record = self.client.update_item(
            TableName=self.name,
            Key=batch_key(key, f"#mistakes#{place}"),
            UpdateExpression="SET expiresAt = :expires ADD mistakes :one",
            ExpressionAttributeValues={":one": n(1), ":expires": expiry(now)},
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return whole(record, "mistakes")

    def scheduled_last(self) -> str | None:
        """The id of the batch that the schedule started last; None if it has started none."""
        record = self._get(SCHEDULED_LAST)
        return record["batchId"]["S"] if record else None

    def record_scheduled(self, batch_id: str) -> None:
        """Record that the schedule is starting this batch."""
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
        """Become the announcer in place of one that died; false if another finalizer did, or Batch Finished is out."""
        return self._update(
            batch_key(batch.key),
            "SET announceUntil = :until",
            "announceUntil = :seen AND attribute_not_exists(notified) AND #status <> :open",
            {":until": n(announce_until), ":seen": n(batch.announce_until), ":open": {"S": Status.OPEN}},
        )

    def record_notified(self, key: BatchKey) -> None:
        """Record that Batch Finished is published."""
        self.client.update_item(
            TableName=self.name,
            Key=batch_key(key),
            UpdateExpression="SET notified = :true",
            ConditionExpression="attribute_exists(PK)",
            ExpressionAttributeValues={":true": {"BOOL": True}},
        )

    def record_progress(self, key: BatchKey, progress: str, now: int) -> bool:
        """Record the batch's glimpse at `now`; false if the batch has ended."""
        values = {":progress": {"S": progress}, ":now": n(now), ":open": {"S": Status.OPEN}}
        return self._update(
            batch_key(key), "SET progress = :progress, progressAt = :now REMOVE stalled", "#status = :open", values
        )

    def record_stalled(self, batch: Batch) -> bool:
        """Mark the batch as stalled since `batch.progress_at`; true for the single winner, which publishes it."""
        return self._update(
            batch_key(batch.key),
            "SET stalled = :true",
            "#status = :open AND progressAt = :seen AND attribute_not_exists(stalled)",
            {":true": {"BOOL": True}, ":seen": n(batch.progress_at), ":open": {"S": Status.OPEN}},
        )

    def look(self, batch: Batch, now: int, limit: int = 100) -> TableLook:
        """What the batch waits for: its first unmade segments, and the first `limit` chunks of every shard."""
        numbers = sorted(batch.segments)[:GLIMPSED_SEGMENTS]
        segments = {number: self.get_segment(batch.key, number) for number in numbers}
        return TableLook(batch, segments, self.chunk_states(batch, now, limit), now)

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
