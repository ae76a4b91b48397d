"""A batch of the SQS architecture as it is known before it runs."""

import math
from dataclasses import dataclass
from functools import cached_property

from costs.plan.settings import Settings, Workload
from costs.plan.sizes_dynamodb import batch_record, failed_item_bytes
from costs.plan.sizes_items import item_bytes
from costs.plan.timing import Timing
from costs.plan.units_attempts import Attempts, attempts
from costs.plan.units_chunks import SqsCut, cut_for_sqs, cut_three
from costs.plan.units_range import Range
from handlers.core.batch import BatchRequest, InputObject

BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECEIVED = 10
"""Most messages of a ReceiveMessage, SendMessageBatch or DeleteMessageBatch."""
# As the example's work fails; its length decides nothing unless an item is nearly a kilobyte.
ERROR = "ValueError: this item was made to fail (failRate)"


@dataclass(frozen=True)
class SqsBatch:
    """What is known of a batch before it runs: its cut with the least, the expected and the largest items."""

    workload: Workload
    settings: Settings
    batch_id: str
    cuts: tuple[SqsCut, SqsCut, SqsCut]
    attempts: Attempts

    @property
    def chunks(self) -> Range:
        return Range.over(self.cuts, lambda cut: cut.chunks)

    @property
    def segments(self) -> int:
        return self.cuts[1].segments

    @property
    def shards(self) -> int:
        return self.cuts[1].shards

    @property
    def from_file(self) -> bool:
        return self.workload.item_bytes is not None

    @cached_property
    def record(self) -> dict:
        """The batch record."""
        place = InputObject("rollcall-input-000000000000-us-east-1", "input/items.jsonl", '"' + "0" * 32 + '"')
        request = BatchRequest(
            batch_id=self.batch_id,
            items=self.workload.items,
            input=place if self.from_file else None,
            items_per_chunk=self.settings.items_per_chunk,
            fail_rate=self.workload.fail_rate,
            item_concurrency=self.settings.item_concurrency,
            max_attempts=self.settings.max_attempts,
            deadline_seconds=self.settings.deadline_seconds,
        )
        cut = self.cuts[1]
        return batch_record(self.batch_id, request, cut.segments, cut.shards, cut.extent, cut.segment_length)


def sqs_batch(workload: Workload, settings: Settings, batch_id: str, timing: Timing | None) -> SqsBatch:
    """Cut the batch, and see how often its chunks are worked on."""
    cuts = cut_three(item_bytes(workload), lambda size, most: cut_for_sqs(workload, settings, batch_id, size, most))
    chunks = Range.over(cuts, lambda cut: cut.chunks)
    full, shorter = cuts[1].chunk_items, cuts[1].filled
    tries = attempts(workload, settings, chunks, full, shorter, settings.batch_size, timing)
    return SqsBatch(workload, settings, batch_id, cuts, tries)


def failed_bytes(batch: SqsBatch) -> int:
    """The record of a failed item, the largest."""
    return failed_item_bytes(batch.batch_id, math.ceil(item_bytes(batch.workload).high), ERROR)
