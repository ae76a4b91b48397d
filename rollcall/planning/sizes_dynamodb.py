"""How large the table's records are by AWS's rule, written by the very code that writes them.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html: names and values count;
a text its UTF-8 bytes, a number a byte for every two significant digits and one more, a binary its bytes, a boolean
one. A set is the sum of its elements.
"""

import functools
import math
from types import SimpleNamespace
from typing import Any

from handlers.batch import BatchRequest, Status
from handlers.pending import with_settled
from handlers.sqs.records import Batch, BatchKey, ChunkKey
from handlers.sqs.table import BatchTable

WRITE_BYTES, READ_BYTES = 1024, 4096
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


def record_bytes(record: dict) -> int:
    """The size of a record in DynamoDB's own types."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in record.items())


def value_bytes(value: dict[str, Any]) -> int:
    """The size of an attribute's value."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return number_bytes(content)
        case "NS":
            return sum(map(number_bytes, content))
        case "B":
            return len(content)
        case "BOOL":
            return 1
        case _:
            return len(content.encode())


def number_bytes(text: str) -> int:
    """A number's size: leading and trailing zeros do not count."""
    digits = text.replace(".", "")
    return math.ceil(len(digits.lstrip("-0").rstrip("0")) / 2) + 1


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


@functools.cache
def failed_item_bytes(batch_id: str, item_bytes: int, error: str) -> int:
    """The record of an item that has failed for good."""
    scribe = Scribe()
    BatchTable(scribe, "").put_failed(ChunkKey(BatchKey(batch_id), 63, 999), {0: ({}, error)}, 3, NOW)
    (record,) = scribe.records
    return record_bytes(record) - len("{}") + item_bytes
