"""How a batch is cut into segments, windows and chunks, by the handlers' own rules; nothing is counted one by one."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from costs.plan import fixed
from costs.plan.extent import extent_of
from costs.plan.settings import Settings, Workload
from costs.plan.sizes_messages import head_bytes, window_steps
from costs.plan.units_range import Range
from handlers.sqs.records import SEGMENT_STRIDE


@dataclass(frozen=True)
class SqsCut:
    """A full chunk has `chunk_items` and a message of `body_bytes`; one of each segment may be shorter.

    `sent_bytes` are all messages', `window_steps` the requests of a full window. `filled` counts the segments that have
    chunks at all.
    """

    segments: int
    filled: int
    segment_length: int
    extent: int
    shards: int
    chunks: int
    chunk_items: int
    windows: int
    window_steps: int
    send_steps: int
    body_bytes: int
    sent_bytes: int


@dataclass(frozen=True)
class SegmentClass:
    """Segments of so many items, whose chunks' numbers have between so many digits."""

    items: int
    seq_digits: tuple[int, int]


def cut_for_sqs(workload: Workload, settings: Settings, batch_id: str, item_bytes: float, most: bool) -> SqsCut:
    """The batch with items of `item_bytes`; `most`: numbers take the most digits, otherwise the fewest.

    With `workload.item_bytes` the items come from JSON Lines of that length, which is cut by bytes.
    """
    asked = settings.items_per_chunk
    extent = extent_of(workload, settings, item_bytes)
    unit = item_bytes + 1 if workload.item_bytes is not None else 1
    per_chunk = chunk_items(asked, item_bytes, fixed.SQS_MAX_CHUNK_BYTES)
    classes = segment_classes(extent.segments, extent.segment_length, extent.length, unit)
    head = head_bytes(batch_id, settings.item_concurrency, settings.max_attempts)
    chunks = windows = send_steps = sent = 0
    shard_digits = len(str(extent.shards - 1)) if most else 1

    def body(items: int, digits: int) -> int:
        return head + digits + shard_digits + text_bytes(items, item_bytes)

    full_text = per_chunk * item_bytes
    window = min(fixed.WINDOW_CHUNKS, int(fixed.WINDOW_BYTES // full_text) + 1)
    for segment, count in classes.items():
        if not segment.items:
            continue
        digits = segment.seq_digits[1 if most else 0]
        made = math.ceil(segment.items / per_chunk)
        last_items = segment.items - (made - 1) * per_chunk
        full, rest = divmod(made - 1, window)
        full_body = body(per_chunk, digits)
        chunks += count * made
        windows += count * (full + 1)
        send_steps += count * full * window_steps(window, full_body, full_body)
        send_steps += count * window_steps(rest + 1, full_body, body(last_items, digits))
        sent += count * ((made - 1) * full_body + body(last_items, digits))
    digits = max(segment.seq_digits[1] for segment in classes)
    largest = body(min(per_chunk, workload.items), digits)
    return SqsCut(
        segments=extent.segments,
        filled=sum(count for segment, count in classes.items() if segment.items),
        segment_length=extent.segment_length,
        extent=extent.length,
        shards=extent.shards,
        chunks=chunks,
        chunk_items=per_chunk,
        windows=windows,
        window_steps=window_steps(window, largest, largest),
        send_steps=send_steps,
        body_bytes=largest,
        sent_bytes=sent,
    )


def segment_classes(segments: int, length: int, extent: int, unit: float) -> Counter[SegmentClass]:
    """How many segments there are of which kind; `unit` is an item's size in the extent's units.

    An item belongs to the segment in which it begins. There are 1,000 segments at most.
    """
    found: Counter[SegmentClass] = Counter()
    for number in range(segments):
        first, last = number * length, min((number + 1) * length, extent)
        items = math.ceil(last / unit) - math.ceil(first / unit) if extent else 0
        digits = len(str(number * SEGMENT_STRIDE)) if number else 1
        found[SegmentClass(items, (digits, digits if number else len(str(max(0, items - 1)))))] += 1
    return found


def cut_three[Cut](item_bytes: Range, cut: Callable[[float, bool], Cut]) -> tuple[Cut, Cut, Cut]:
    """The batch cut with the least, the expected and the largest items; `cut` takes their size, and `most`."""
    return cut(item_bytes.low, False), cut(item_bytes.expected, True), cut(item_bytes.high, True)


def chunk_items(asked: int, item_bytes: float, max_bytes: int) -> int:
    """Items of a full chunk: as asked, or as fit with a comma each."""
    return max(1, min(asked, math.floor(max_bytes / (item_bytes + 1))))


def text_bytes(items: int, item_bytes: float) -> int:
    """Items as JSON with the commas between them."""
    return round(items * item_bytes) + max(0, items - 1)


@dataclass(frozen=True)
class SfnCut:
    """`object_bytes` is the Distributed Map's input, in `parts` of a multipart upload; 0 parts: one PutObject.

    Full chunks have `chunk_items`; the last may be shorter.
    """

    chunks: int
    chunk_items: int
    object_bytes: int
    parts: int


def cut_for_sfn(workload: Workload, settings: Settings, item_bytes: float, most: bool) -> SfnCut:
    """The batch with items of `item_bytes`; `most`: chunks' numbers take the most digits, otherwise the fewest."""
    per_chunk = chunk_items(settings.items_per_chunk, item_bytes, fixed.SFN_MAX_CHUNK_BYTES)
    chunks = math.ceil(workload.items / per_chunk)
    frame = len('{"seq":,"items":[]}') + len(",\n")
    around = frame + (len(str(max(0, chunks - 1))) if most else 1)
    body = text_bytes(per_chunk, item_bytes) + around
    size = chunks * frame + digits_up_to(chunks) + round(workload.items * (item_bytes + 1)) - chunks
    # A part is cut after the chunk with which it reaches its size; what is left is one more. The last chunk is shorter.
    full, rest = divmod(workload.items, per_chunk)
    parts, left = divmod(full, math.ceil(fixed.PART_BYTES / body))
    if rest and left * body + text_bytes(rest, item_bytes) + around >= fixed.PART_BYTES:
        parts += 1
    return SfnCut(
        chunks=chunks,
        chunk_items=per_chunk,
        object_bytes=size,
        parts=parts + 1 if parts else 0,
    )


def digits_up_to(count: int) -> int:
    """Digits of all numbers below `count` together."""
    total, start, length = 0, 0, 1
    while start < count:
        end = min(count, 10**length)
        total += (end - start) * length
        start, length = end, length + 1
    return total
