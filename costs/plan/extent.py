"""What the batcher that starts a batch takes it for, before it has read any of it: by the handlers' own rules."""

import math
from dataclasses import dataclass

from costs.plan.settings import Settings, Workload
from handlers.aws.input_object import BYTES_PER_ITEM
from handlers.sqs.records import segments_for, shards_for


@dataclass(frozen=True)
class Extent:
    """`length` and `segment_length` are items, or bytes where the items come from JSON Lines."""

    length: int
    segments: int
    segment_length: int
    shards: int


def extent_of(workload: Workload, settings: Settings, item_bytes: float) -> Extent:
    """The SQS architecture's. Only of a file `item_bytes` matter: its chunks are estimated from its length."""
    length = items = workload.items
    if workload.item_bytes is not None:
        length = math.ceil(workload.items * (item_bytes + 1))
        items = math.ceil(length / BYTES_PER_ITEM)
    chunks = math.ceil(items / settings.items_per_chunk)
    segments, segment_length = segments_for(length, chunks, settings.items_per_chunk, settings.chunks_per_segment)
    return Extent(length, segments, segment_length, shards_for(chunks))
