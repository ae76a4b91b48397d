"""The items of a segment: from the source, or left over from the batch's generation before."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from handlers.aws.sqs import MAX_BATCH_BYTES
from handlers.core.files.unreadable import ReadableItems, then_unreadable
from handlers.core.items import Chunk, chunks
from handlers.core.json_text import Item
from handlers.core.selection import Selection
from handlers.sqs.records import SEGMENT_STRIDE, Batch, Remainder, Segment
from handlers.sqs.table import BatchTable

# SQS's 1 MiB, without room for the message's other fields.
MAX_CHUNK_BYTES = MAX_BATCH_BYTES - 1024
# The first segment of a redriven generation: the failed items. Segment n + 1 is what is left over of segment n.
FAILED_ITEMS = 0


@dataclass
class SegmentItems:
    """Gives the items of any segment of any generation, always the same ones in the same order.

    The items of a redriven generation come from the records of the one before, which has ended and changes no more.
    """

    table: BatchTable
    items: Callable[..., Iterator[Item]]

    def __call__(self, batch: Batch, number: int, skip: int) -> Iterator[Item]:
        """The segment's items without the first `skip`. Raises InvalidRequest if the input cannot be read."""
        if batch.generation == 1:
            first, last = part_of(batch, number)
            return self.items(batch.request, batch.batch_id, first, last, skip)
        ended, selection = self.table.get_batch(batch.batch_id, batch.generation - 1), Selection(batch.only_error)
        if not ended:
            raise RuntimeError(f"generation {batch.generation - 1} of {batch.batch_id} is gone")
        if number == FAILED_ITEMS:
            failed = (selection.failed(each["item"], each["error"]) for each in self.table.failed_items(ended, skip))
            return then_unreadable(failed, ended.broken)
        return map(selection.left, islice(self._left_over(ended, number - 1), skip, None))

    def chunks(self, batch: Batch, segment: Segment) -> tuple[Iterator[Chunk], ReadableItems]:
        """The segment's chunks from its last window on, and their items, which know afterwards if they broke off."""
        items = ReadableItems(self(batch, segment.number, segment.window_item))
        first_seq, limit = segment.first_seq + segment.window_chunk, batch.request.items_per_chunk
        cut = chunks(items, limit, MAX_CHUNK_BYTES, first_seq, segment.window_item)
        return cut, items

    def _left_over(self, ended: Batch, number: int) -> Iterator[Item]:
        """The items of a segment that its ended generation left over: those of dropped and of unmade chunks."""
        made = SEGMENT_STRIDE
        if number in ended.segments:
            cursor = self.table.get_segment(ended.key, number)
            made = cursor.next_chunk if cursor else 0
        dropped = self.table.dropped_chunks(ended, number)
        left = next(dropped, None)
        cut, items = self.chunks(ended, Segment(number, lease_until=0))
        for chunk in cut:
            while left and left.key.seq < chunk.seq:
                left = next(dropped, None)
            indexes: list[int] = []
            if chunk.seq - number * SEGMENT_STRIDE >= made:
                indexes = list(range(len(chunk.items)))
            elif left and left.key.seq == chunk.seq:
                indexes, _ = unsettled(self.table, ended, left)
            yield from (json.loads(chunk.items[index]) for index in indexes)
        yield from then_unreadable((), items.reason)


def unsettled(table: BatchTable, batch: Batch, left: Remainder) -> tuple[list[int], set[int]]:
    """The items of a dropped chunk that are not settled, and those that are recorded as failed.

    A processor may have died after it recorded failed items and before the chunk's record said so. Otherwise there is
    nothing to look up.
    """
    if not left.died:
        return left.pending, set()
    failed = table.failed_indexes(left.key)
    return [index for index in left.pending if index not in failed], failed


def part_of(batch: Batch, number: int) -> tuple[int, int | None]:
    """The part of the source's extent that a segment covers."""
    if batch.extent is None:
        return 0, None
    first = number * batch.segment_length
    return first, min(first + batch.segment_length, batch.extent)
