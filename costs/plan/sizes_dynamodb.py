"""How large the table's records are, written by the very code that writes them."""

import functools
import math
from types import SimpleNamespace

from handlers.core.batch import BatchRequest, Status
from handlers.core.bitmap import with_settled
from handlers.sqs.encoding import n, segment_key
from handlers.sqs.records import SEGMENT_STRIDE, Batch, BatchKey, ChunkKey
from handlers.sqs.sizes import WRITE_BYTES, error_room, record_bytes
from handlers.sqs.table import BatchTable

READ_BYTES = 4096
NOW = 1_795_000_000_123
"""Some time in milliseconds since 1970: all have thirteen digits until 2286."""
LEASE = {"leaseUntil": {"N": str(NOW)}}


class Scribe:
    """Stands where boto3's client does, and keeps what would be written."""

    def __init__(self) -> None:
        self.records: list[dict] = []

    def put_item(self, Item: dict, **_: object) -> None:
        self.records.append(Item)

    def batch_write_item(self, RequestItems: dict) -> dict:
        (requests,) = RequestItems.values()
        self.records += [request["PutRequest"]["Item"] for request in requests]
        return {"UnprocessedItems": {}}

    exceptions = SimpleNamespace(ConditionalCheckFailedException=RuntimeError)


def cursor_record(batch_id: str) -> dict:
    """A segment record as large as they get."""
    times = dict.fromkeys(("leaseUntil", "expiresAt"), n(NOW))
    counts = dict.fromkeys(("nextChunk", "nextItem", "windowChunk", "windowItem"), n(SEGMENT_STRIDE - 1))
    return segment_key(BatchKey(batch_id), 0) | times | counts


def write_units(size: float) -> int:
    """Write units of one record of `size` bytes."""
    return max(1, math.ceil(size / WRITE_BYTES))


def read_units(size: float) -> int:
    """Read units of so many bytes, strongly consistent."""
    return max(1, math.ceil(size / READ_BYTES))


def batch_record(batch_id: str, request: BatchRequest, segments: int, shards: int, extent: int, length: int) -> dict:
    """The batch record when it is made."""
    batch = Batch(
        key=BatchKey(batch_id),
        status=Status.OPEN,
        request=request,
        shards=shards,
        started_at=NOW,
        deadline=NOW,
        segments=frozenset(range(segments)),
        segment_count=segments,
        segment_length=length,
        extent=extent,
        expected=None if request.input else request.items,
    )
    scribe = Scribe()
    BatchTable(scribe, "").create_batch(batch)
    return scribe.records[0]


@functools.cache
def chunk_record_bytes(batch_id: str, settled: int = 0) -> int:
    """A chunk record that was claimed; with a bitmap of `settled` items after a partial failure."""
    scribe = Scribe()
    BatchTable(scribe, "").put_chunks({ChunkKey(BatchKey(batch_id), 63, 999): 10_000}, NOW)
    (record,) = scribe.records
    bitmap = {"settled": {"B": with_settled(b"", (), settled)}} if settled else {}
    return record_bytes(record | LEASE | bitmap)


def failure_records(error: str, batch_id: str) -> tuple[dict, dict]:
    """What is written of a chunk of which an item has failed for good: the item's record and the count's."""
    scribe = Scribe()
    BatchTable(scribe, "").put_failed(ChunkKey(BatchKey(batch_id), 63, 999), {0: ({}, error)}, 3, NOW)
    item, count = scribe.records
    return item, count


@functools.cache
def failed_item_bytes(batch_id: str, item_bytes: int, error: str) -> int:
    """The record of an item that has failed for good."""
    record, _ = failure_records("", batch_id)
    size = record_bytes(record) - len("{}") + item_bytes
    return size + min(len(error.encode()), error_room(size))


@functools.cache
def failed_count_bytes(batch_id: str) -> int:
    """The record that counts a chunk's failed items."""
    return record_bytes(failure_records("", batch_id)[1])
