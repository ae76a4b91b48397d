"""The shape of a batch: how the handlers cut it into segments, windows, chunks, sends and parts.

The units and the time of a plan are both computed from it. Nothing is counted chunk by chunk.
"""

import functools
import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from costs.plan.settings import Settings, Workload
from costs.plan.sizes import BATCH_ID, message_bytes
from handlers.aws.input_object import BYTES_PER_ITEM
from handlers.aws.sqs import full_batches
from handlers.sfn.batcher import MAX_CHUNK_BYTES as SFN_CHUNK_BYTES
from handlers.sfn.chunk_file import FIRST_ATTEMPT, PART_BYTES
from handlers.sfn.express import begin_minutes
from handlers.sfn.grouping import Grouping, grouped
from handlers.sfn.store import READ_TOGETHER
from handlers.sqs.batcher import WINDOW_BYTES, WINDOW_CHUNKS
from handlers.sqs.records import SEGMENT_STRIDE, segments_for, shards_for
from handlers.sqs.segments import MAX_CHUNK_BYTES as SQS_CHUNK_BYTES
from sandbox.meter.rules import sqs_requests


@dataclass(frozen=True, kw_only=True)
class SqsShape:
    """A batch of the SQS architecture. All chunks have `chunk_items` but the last of each segment.

    `length` and `segment_length` count items, or bytes if the items come from JSON Lines. Only `filled_segments` have
    chunks, because a segment of a file may lie within one large item. A full window has `window_chunks` chunks. The
    batcher sends it in `window_sends` calls, which AWS bills as `window_requests`. `send_requests` are those of all
    windows. `message_bytes` is the size of the largest message, `sent_bytes` that of all messages together.
    """

    length: int
    segments: int
    filled_segments: int
    segment_length: int
    shards: int
    chunks: int
    chunk_items: int
    windows: int
    window_chunks: int
    window_sends: int
    window_requests: int
    send_requests: int
    message_bytes: int
    sent_bytes: int


@dataclass(frozen=True, kw_only=True)
class SfnShape:
    """A batch of the Step Functions architecture. All chunks have `chunk_items` but the last.

    `object_bytes` is the size of the file of chunks, which is uploaded in `parts`; with 0 parts by one PutObject.
    `reading` of the children read their chunks at once; the processors read those of the others, `read_alone`.
    """

    chunks: int
    chunk_items: int
    object_bytes: int
    parts: int
    grouping: Grouping
    reading: int
    read_alone: int


@functools.lru_cache(maxsize=1024)
def sqs_shape(
    workload: Workload, settings: Settings, item_bytes: float, *, longest: bool = True, batch_id: str = BATCH_ID
) -> SqsShape:
    """The shape of a batch with items of `item_bytes`. With `longest`, chunks have the longest numbers."""
    length, segments, segment_length, shards = _segments(workload, settings, item_bytes)
    unit = item_bytes + 1 if workload.item_bytes is not None else 1
    per_chunk = chunk_items(settings.items_per_chunk, item_bytes, SQS_CHUNK_BYTES)
    window = min(WINDOW_CHUNKS, int(WINDOW_BYTES // (per_chunk * item_bytes)) + 1)
    shard = shards - 1 if longest else 0
    bare = message_bytes(batch_id, settings.item_concurrency, settings.max_attempts, shard, 0) - len("0")

    def message(items: int, seq_bytes: int) -> int:
        return bare + seq_bytes + _text_bytes(items, item_bytes)

    chunks = windows = requests = sent = filled = 0
    kinds = _segment_kinds(segments, segment_length, length, unit, longest)
    for (items, seq_bytes), count in kinds.items():
        if not items:
            continue
        filled += count
        made = math.ceil(items / per_chunk)
        full, short = message(per_chunk, seq_bytes), message(items - (made - 1) * per_chunk, seq_bytes)
        full_windows, rest = divmod(made - 1, window)
        chunks += count * made
        windows += count * (full_windows + 1)
        requests += count * full_windows * _sends(window, full, full)[1]
        requests += count * _sends(rest + 1, full, short)[1]
        sent += count * ((made - 1) * full + short)
    largest = message(min(per_chunk, workload.items), max(seq_bytes for _, seq_bytes in kinds))
    window_sends, window_requests = _sends(window, largest, largest)
    return SqsShape(
        length=length,
        segments=segments,
        filled_segments=filled,
        segment_length=segment_length,
        shards=shards,
        chunks=chunks,
        chunk_items=per_chunk,
        windows=windows,
        window_chunks=window,
        window_sends=window_sends,
        window_requests=window_requests,
        send_requests=requests,
        message_bytes=largest,
        sent_bytes=sent,
    )


def sfn_shape(workload: Workload, settings: Settings, item_bytes: float, *, longest: bool = True) -> SfnShape:
    """The shape of a batch with items of `item_bytes`. With `longest`, chunks have the longest numbers."""
    per_chunk = chunk_items(settings.items_per_chunk, item_bytes, SFN_CHUNK_BYTES)
    chunks = math.ceil(workload.items / per_chunk)
    last = max(0, chunks - 1) if longest else 0
    around = len(f',\n{{"seq":{last},{FIRST_ATTEMPT},"items":[]}}')
    # A part ends with the chunk that fills it; the last part has the remaining chunks. The last chunk may be shorter.
    full, rest = divmod(workload.items, per_chunk)
    full_bytes = _text_bytes(per_chunk, item_bytes) + around
    parts, left = divmod(full, math.ceil(PART_BYTES / full_bytes))
    if rest and left * full_bytes + _text_bytes(rest, item_bytes) + around >= PART_BYTES:
        parts += 1
    object_bytes = chunks * (around - 1) + round(workload.items * (item_bytes + 1))
    grouping = grouped(
        chunks, object_bytes / max(1, chunks), settings.max_concurrency, settings.chunks_per_child, minutes(settings)
    )
    last_chunks = chunks - max(0, grouping.children - 1) * grouping.per_child
    full_read, last_read = (
        count * full_bytes - len(",\n") <= READ_TOGETHER for count in (grouping.per_child, last_chunks)
    )
    reading = max(0, grouping.children - 1) * full_read + min(1, grouping.children) * last_read
    return SfnShape(
        chunks=chunks,
        chunk_items=per_chunk,
        object_bytes=object_bytes,
        parts=parts + 1 if parts else 0,
        grouping=grouping,
        reading=reading,
        read_alone=0 if full_read else chunks - last_read * last_chunks,
    )


def minutes(settings: Settings) -> int:
    """The minutes in which a child may begin work; 0 for all at once, as the template tells the batcher."""
    if settings.child_type != "EXPRESS":
        return 0
    return begin_minutes(settings.processor_timeout, settings.retry_delay_seconds)


def _segments(workload: Workload, settings: Settings, item_bytes: float) -> tuple[int, int, int, int]:
    """The batch's length, the number of its segments, their length, and the number of its shards.

    The batcher decides these before it reads an item: it estimates a file's chunks from the file's length.
    """
    length = items = workload.items
    if workload.item_bytes is not None:
        length = math.ceil(workload.items * (item_bytes + 1))
        items = math.ceil(length / BYTES_PER_ITEM)
    chunks = math.ceil(items / settings.items_per_chunk)
    segments, segment_length = segments_for(length, chunks, settings.items_per_chunk, settings.chunks_per_segment)
    return length, segments, segment_length, shards_for(chunks)


def _segment_kinds(
    segments: int, segment_length: int, length: int, unit: float, longest: bool
) -> Counter[tuple[int, int]]:
    """The number of segments by their number of items and the bytes of a chunk's number.

    That chunk is the segment's last with `longest`, else its first. An item of `unit` length belongs to the segment in
    which it begins.
    """
    ends = [math.ceil(min(number * segment_length, length) / unit) for number in range(segments + 1)]
    return Counter(
        (last - first, len(str(number * SEGMENT_STRIDE + (max(0, last - first - 1) if longest else 0))))
        for number, (first, last) in enumerate(pairwise(ends))
    )


def chunk_items(items_per_chunk: int, item_bytes: float, max_bytes: int) -> int:
    """The items of a full chunk: `items_per_chunk`, or fewer if these, each with a comma, exceed `max_bytes`."""
    return max(1, min(items_per_chunk, math.floor(max_bytes / (item_bytes + 1))))


def _text_bytes(items: int, item_bytes: float) -> int:
    """The bytes of items as JSON, with the commas between them."""
    return round(items * item_bytes) + max(0, items - 1)


@functools.lru_cache(maxsize=4096)
def _sends(chunks: int, message: int, last_message: int) -> tuple[int, int]:
    """The calls that send a window, and the requests that AWS bills. All messages but the last are equally long."""
    groups = list(full_batches([message] * (chunks - 1) + [last_message], bytes_of=int))
    return len(groups), sum(sqs_requests(sum(group)) for group in groups)
