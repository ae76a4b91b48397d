"""The table's keys and attributes in DynamoDB's own types. docs/design.md lists the keys."""

import json
from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from handlers.core.batch import BatchRequest, Status, camel_cased, snake_case
from handlers.core.json_text import Item, dumps
from handlers.core.user_frames import shortened
from handlers.sqs.records import Batch, BatchKey, ChunkKey, Segment
from handlers.sqs.sizes import error_room, record_bytes

# Attribute name -> {type: value}. A key and the values of an expression have the same form.
type Record = dict[str, Any]

SERIALIZER = TypeSerializer()


def n(value: int) -> Record:
    """A number attribute."""
    return {"N": str(value)}


def whole(record: Record, name: str) -> int:
    """A number attribute of a record; 0 if it has none."""
    return int(record[name]["N"]) if name in record else 0


def attributes(values: Mapping[str, Any]) -> Record:
    """Plain values as attributes."""
    return {name: SERIALIZER.serialize(value) for name, value in values.items()}


def plain(attribute: Record) -> Any:
    """The plain value of an attribute. Not boto3's TypeDeserializer, which makes Decimals of whole numbers."""
    ((kind, content),) = attribute.items()
    if kind == "NS":
        return frozenset(map(int, content))
    return int(content) if kind == "N" else content


def fields_of(kind: type[Any], record: Record) -> dict[str, Any]:
    """The attributes of a record that are fields of the dataclass `kind`, as plain values."""
    values = {snake_case(name): attribute for name, attribute in record.items()}
    return {name: plain(attribute) for name, attribute in values.items() if name in kind.__dataclass_fields__}


def batch_key(key: BatchKey, part: str = "") -> Record:
    """The key of the batch record, or of a `part` of the batch."""
    return {"PK": {"S": f"batch#{key.batch_id}"}, "SK": {"S": f"{key.generation:04d}{part}"}}


def segment_key(key: BatchKey, number: int) -> Record:
    return batch_key(key, f"#segment#{number:04d}")


def closing_key(key: BatchKey, shard: int) -> Record:
    return batch_key(key, f"#closing#{shard:04d}")


def partition_of(kind: str, key: BatchKey, shard: int) -> str:
    """The partition of a shard's `chunks`, of its `failed` items or of their counts, its `failures`."""
    return f"{kind}#{key.batch_id}#{key.generation}#{shard}"


def chunk_name(seq: int) -> str:
    """The sort key of a chunk record."""
    return f"{seq:012d}"


def chunk_key(key: ChunkKey) -> Record:
    return {"PK": {"S": partition_of("chunks", key.batch, key.shard)}, "SK": {"S": chunk_name(key.seq)}}


def failed_name(seq: int, index: int) -> str:
    """The sort key of a failed item."""
    return f"{seq:012d}#{index:05d}"


def failed_record(key: ChunkKey, index: int, item: Item, error: str, attempts: int, expires: int) -> Record:
    """The record of a failed item. Its error is cut so that it does not take a write unit of its own."""
    record = {
        "PK": {"S": partition_of("failed", key.batch, key.shard)},
        "SK": {"S": failed_name(key.seq, index)},
        "item": {"S": dumps(item)},
        "error": {"S": ""},
        "attempts": n(attempts),
        "expiresAt": n(expires),
    }
    return record | {"error": {"S": shortened(error, error_room(record_bytes(record)))}}


def failures_record(key: ChunkKey, count: int, expires: int) -> Record:
    """The record that counts a chunk's failed items."""
    return {
        "PK": {"S": partition_of("failures", key.batch, key.shard)},
        "SK": {"S": chunk_name(key.seq)},
        "count": n(count),
        "expiresAt": n(expires),
    }


def bitmap_of(record: Record, name: str) -> bytes:
    """A bitmap of a chunk record; empty if it has none."""
    return bytes(record[name]["B"]) if name in record else b""


def batch_record(batch: Batch) -> Record:
    """The record of a batch that is being created. A field without a value has no attribute."""
    values = camel_cased(vars(batch)) | {"request": json.dumps(batch.request.to_json())}
    del values["key"], values["progressAt"]
    # A count of 0 is a value; False, an empty text and an empty set are not.
    present = {name: value for name, value in values.items() if value or type(value) is int}
    return batch_key(batch.key) | attributes(present)


def batch_from(record: Record) -> Batch:
    """A batch record as DynamoDB returns it."""
    values = fields_of(Batch, record)
    values["key"] = BatchKey(record["PK"]["S"].removeprefix("batch#"), int(record["SK"]["S"]))
    values["status"] = Status(values["status"])
    values["request"] = BatchRequest.parse(json.loads(values["request"]))
    return Batch(**values)


def segment_from(number: int, record: Record) -> Segment:
    """A segment record as DynamoDB returns it."""
    return Segment(number, **fields_of(Segment, record))
