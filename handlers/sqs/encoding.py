"""The table's keys and attributes, in DynamoDB's own types. The keys are those of docs/design.md."""

import json

from handlers.core.batch import BatchRequest, Status
from handlers.core.json_text import dumps
from handlers.sqs.records import Batch, BatchKey, ChunkKey, Segment
from handlers.sqs.sizes import beginning, error_room, record_bytes


def n(value: int) -> dict:
    """A number attribute."""
    return {"N": str(value)}


def whole(record: dict, name: str) -> int:
    """A number attribute of a record, 0 where it has none."""
    return int(record[name]["N"]) if name in record else 0


def batch_key(key: BatchKey) -> dict:
    return {"PK": {"S": f"batch#{key.batch_id}"}, "SK": {"S": f"{key.generation:04d}"}}


def segment_key(key: BatchKey, number: int) -> dict:
    return {"PK": {"S": f"batch#{key.batch_id}"}, "SK": {"S": f"{key.generation:04d}#segment#{number:04d}"}}


def closing_key(key: BatchKey, shard: int) -> dict:
    return {"PK": {"S": f"batch#{key.batch_id}"}, "SK": {"S": f"{key.generation:04d}#closing#{shard:04d}"}}


def mistakes_key(key: BatchKey, place: str) -> dict:
    return {"PK": {"S": f"batch#{key.batch_id}"}, "SK": {"S": f"{key.generation:04d}#mistakes#{place}"}}


def shard_partition(key: BatchKey, shard: int) -> str:
    return f"chunks#{key.batch_id}#{key.generation}#{shard}"


def chunk_name(seq: int) -> str:
    """The sort key of a chunk record."""
    return f"{seq:012d}"


def chunk_key(key: ChunkKey) -> dict:
    return {"PK": {"S": shard_partition(key.batch, key.shard)}, "SK": {"S": chunk_name(key.seq)}}


def failed_partition(key: BatchKey, shard: int) -> str:
    return f"failed#{key.batch_id}#{key.generation}#{shard}"


def failed_name(seq: int, index: int) -> str:
    """The sort key of a failed item."""
    return f"{seq:012d}#{index:05d}"


def failures_partition(key: BatchKey, shard: int) -> str:
    return f"failures#{key.batch_id}#{key.generation}#{shard}"


def failed_record(key: ChunkKey, index: int, item: dict, error: str, attempts: int, expires: int) -> dict:
    """The record of an item that has failed for good: its error is cut so that it takes no write unit of its own."""
    record = {
        "PK": {"S": failed_partition(key.batch, key.shard)},
        "SK": {"S": failed_name(key.seq, index)},
        "item": {"S": dumps(item)},
        "error": {"S": ""},
        "attempts": n(attempts),
        "expiresAt": n(expires),
    }
    return record | {"error": {"S": beginning(error, error_room(record_bytes(record)))}}


def failures_record(key: ChunkKey, count: int, expires: int) -> dict:
    """The record that says how many items of a chunk have failed for good."""
    return {
        "PK": {"S": failures_partition(key.batch, key.shard)},
        "SK": {"S": chunk_name(key.seq)},
        "count": n(count),
        "expiresAt": n(expires),
    }


def settled_of(record: dict) -> bytes:
    """A chunk record's bitmap, empty while nothing is settled."""
    return record["settled"]["B"] if "settled" in record else b""


def batch_from(record: dict) -> Batch:
    """A batch record as DynamoDB returns it."""
    counts = {name: name for name in ("extent", "expected", "succeeded", "failed", "remaining")}
    times = {"finished_at": "finishedAt", "drained_at": "drainedAt"}
    return Batch(
        key=BatchKey(record["PK"]["S"].removeprefix("batch#"), int(record["SK"]["S"])),
        status=Status(record["status"]["S"]),
        request=BatchRequest.parse(json.loads(record["request"]["S"])),
        shards=whole(record, "shards"),
        started_at=whole(record, "startedAt"),
        deadline=whole(record, "deadline"),
        segments=frozenset(int(number) for number in record.get("segments", {}).get("NS", [])),
        segment_count=whole(record, "segmentCount"),
        segment_length=whole(record, "segmentLength"),
        items=whole(record, "items"),
        chunks=whole(record, "chunks"),
        announce_until=whole(record, "announceUntil"),
        notified="notified" in record,
        reason=record["reason"]["S"] if "reason" in record else None,
        broken=record["broken"]["S"] if "broken" in record else None,
        progress=record["progress"]["S"] if "progress" in record else "",
        progress_at=whole(record, "progressAt"),
        stalled="stalled" in record,
        cancelled="cancelled" in record,
        **{field: whole(record, name) for field, name in (counts | times).items() if name in record},
    )


def segment_from(number: int, record: dict) -> Segment:
    """A segment record as DynamoDB returns it."""
    return Segment(
        number=number,
        lease_until=whole(record, "leaseUntil"),
        next_chunk=whole(record, "nextChunk"),
        next_item=whole(record, "nextItem"),
        window_chunk=whole(record, "windowChunk"),
        window_item=whole(record, "windowItem"),
    )
