"""The sizes of items, records and messages, computed by the code that writes them."""

import functools
import math
from dataclasses import replace

from costs.plan.distribution import Distribution
from costs.plan.rows import Estimate
from costs.plan.settings import Workload
from handlers.core.batch import BatchRequest
from handlers.core.bitmap import with_marked
from handlers.core.items import checked
from handlers.sqs.encoding import chunk_key, failed_record, failures_record, n, segment_key
from handlers.sqs.messages import chunk_body
from handlers.sqs.records import SEGMENT_STRIDE, BatchKey, ChunkKey
from handlers.sqs.sizes import error_room
from handlers.sqs.table.base import KEEP_SECONDS
from sandbox.meter.item_size import item_bytes as record_bytes

BATCH_ID = "scheduled-20261123T060000Z"
"""The id of a batch that the schedule starts: its length counts in every record, message and log line."""
NOW = 1_795_000_000_123
"""Some time in milliseconds since 1970: all have thirteen digits until 2286."""
EXPIRES = NOW // 1000 + KEEP_SECONDS
# As handlers/source.py marks a random item that is to fail.
FAIL = {"fail": True}
SAMPLE = {"id": f"{0:09d}", "value": 0}


def item_bytes(workload: Workload) -> Estimate:
    """Bytes of an item's JSON text as it travels: of the shortest, the average and the longest item.

    If `workload.item_bytes` is given, every item has that size. Otherwise the items are the example's, whose ids have
    nine digits. Then the length of the value decides, and the mark of the items that fail because of `fail_rate`.
    """
    if workload.item_bytes is not None:
        return Estimate(*[workload.item_bytes] * 3)
    bare = len(checked(SAMPLE, 0)) - len("0")
    mark = len(checked(SAMPLE | FAIL, 0)) - len(checked(SAMPLE, 0))
    rate = workload.fail_rate
    least, expected, most = value_bytes(workload.values)
    return Estimate(
        bare + least + mark * math.floor(rate), bare + expected + mark * rate, bare + most + mark * math.ceil(rate)
    )


def value_bytes(values: Distribution) -> Estimate:
    """Bytes of a value's text. A value is a whole number of milliseconds."""
    spread = values.kind in ("uniform", "constant", "file")
    low, high = (math.floor(values.low), math.floor(values.high)) if spread else (0, math.floor(values.largest))
    least, most = len(str(low)), len(str(high))
    if values.kind == "uniform":
        # For each power of ten: the share of values that reach it has one more digit.
        more = sum((high + 1 - 10**power) / (high + 1 - low) for power in range(least, most))
        return Estimate(least, least + more, most)
    return Estimate(least, min(most, max(least, len(str(math.floor(values.mean))))), most)


@functools.cache
def message_bytes(batch_id: str, item_concurrency: int, max_attempts: int, shard: int, seq: int) -> int:
    """The size of a chunk's message without its items."""
    request = replace(BatchRequest(), item_concurrency=item_concurrency, max_attempts=max_attempts)
    return len(chunk_body(ChunkKey(BatchKey(batch_id), shard, seq), request, NOW, []))


def segment_record_bytes(batch_id: str) -> int:
    """The size of a segment's largest record."""
    times = dict.fromkeys(("leaseUntil", "expiresAt"), n(NOW))
    counts = dict.fromkeys(("nextChunk", "nextItem", "windowChunk", "windowItem"), n(SEGMENT_STRIDE - 1))
    return record_bytes(segment_key(BatchKey(batch_id), 0) | times | counts)


def chunk_of(batch_id: str) -> ChunkKey:
    """The key of a chunk of a large batch."""
    return ChunkKey(BatchKey(batch_id), 63, 999)


@functools.cache
def chunk_record_bytes(batch_id: str, settled: int = 0) -> int:
    """The size of a claimed chunk's record. After a partial failure it has a bitmap of `settled` items."""
    numbers = {"size": n(10_000), "attempts": n(0), "expiresAt": n(EXPIRES), "leaseUntil": n(NOW), "heldBefore": n(0)}
    bitmap = {"settled": {"B": with_marked(b"", [settled - 1], settled)}} if settled else {}
    return record_bytes(chunk_key(chunk_of(batch_id)) | numbers | bitmap)


@functools.cache
def failed_item_bytes(batch_id: str, item_bytes: int, error: str) -> int:
    """The size of the record of an item that failed for good."""
    size = record_bytes(failed_record(chunk_of(batch_id), 0, {}, "", 3, EXPIRES)) - len("{}") + item_bytes
    return size + min(len(error.encode()), error_room(size))


@functools.cache
def failed_count_bytes(batch_id: str) -> int:
    """The size of the record that counts a chunk's failed items."""
    return record_bytes(failures_record(chunk_of(batch_id), 1, EXPIRES))
