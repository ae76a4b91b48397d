"""Segment records, each with a batcher's lease and cursor, and the update that seals a batch."""

from handlers.core.batch import Status, refuse_too_many
from handlers.sqs.encoding import batch_from, batch_key, n, segment_from, segment_key, whole
from handlers.sqs.records import MAX_SEGMENTS, Batch, BatchKey, LeaseHeld, Segment
from handlers.sqs.table.base import FOREVER, Records, expiry


class SegmentRecords(Records):
    """Reads and writes segment records."""

    def claim_segment(self, key: BatchKey, number: int, now: int, lease_until: int) -> Segment | LeaseHeld:
        """Take the segment's lease, creating its record the first time."""
        taken, record = self._take(
            segment_key(key, number),
            "SET leaseUntil = :lease, expiresAt = if_not_exists(expiresAt, :expires)",
            "attribute_not_exists(leaseUntil) OR leaseUntil < :now",
            {":lease": n(lease_until), ":now": n(now), ":expires": expiry(now)},
        )
        return segment_from(number, record) if taken else LeaseHeld(whole(record, "leaseUntil"))

    def fence_segment(self, key: BatchKey, number: int, now: int) -> Segment | LeaseHeld:
        """Take the segment from all batchers for ever; LeaseHeld while one of them works on it. May be repeated."""
        outcome = self.claim_segment(key, number, now, FOREVER)
        if isinstance(outcome, LeaseHeld) and outcome.lease_until >= FOREVER:
            return self.get_segment(key, number) or Segment(number, FOREVER)
        return outcome

    def get_segment(self, key: BatchKey, number: int) -> Segment | None:
        """The segment record, strongly consistent."""
        record = self._get(segment_key(key, number))
        return segment_from(number, record) if record else None

    def advance_segment(self, key: BatchKey, segment: Segment) -> bool:
        """Move the cursor to that of `segment`; false if its lease is lost, to a batcher or to the finalizer."""
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
        """End the lease, so that the next batcher can take the segment at once."""
        values = {":zero": n(0), ":lease": n(segment.lease_until)}
        self._update(segment_key(key, segment.number), "SET leaseUntil = :zero", "leaseUntil = :lease", values)

    def count_made(self, key: BatchKey) -> int:
        """The number of items in all segments of a batch by now, strongly consistent."""
        return sum(segment.next_item for segment in self.segments(key))

    def segments(self, key: BatchKey) -> list[Segment]:
        """The segments of a batch that have been begun, in order, strongly consistent."""
        first, last = segment_key(key, 0), segment_key(key, MAX_SEGMENTS)
        query = self._between(first["PK"]["S"], first["SK"]["S"], last["SK"]["S"])
        return [segment_from(int(record["SK"]["S"].rpartition("#")[2]), record) for record in self._records(**query)]

    def finish_segment(
        self, key: BatchKey, number: int, items: int, chunks: int, max_items: int, broken: str | None = None
    ) -> Batch | None:
        """Count a segment as made, once, and return the batch, which its last segment seals. None: counted before.

        `broken` says why the input could not be read to the segment's end: the batch will end FAILED for it. Raises
        InvalidRequest if the batch would have more than `max_items`.
        """
        mark = "SET broken = if_not_exists(broken, :broken) " if broken else ""
        counted, record = self._take(
            batch_key(key),
            f"{mark}DELETE #segments :numbers ADD #items :items, chunks :chunks",
            "contains(#segments, :number) AND #status = :open AND #items <= :room",
            {
                ":numbers": {"NS": [str(number)]},
                ":number": n(number),
                ":items": n(items),
                ":chunks": n(chunks),
                ":open": {"S": Status.OPEN},
                ":room": n(max_items - items),
                **({":broken": {"S": broken}} if broken else {}),
            },
        )
        batch = batch_from(record) if record else None
        if counted:
            return batch
        if batch and batch.status == Status.OPEN and number in batch.segments:
            refuse_too_many(batch.items + items, max_items)
        return None
