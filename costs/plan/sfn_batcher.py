"""The Step Functions architecture's batcher: rounds of one invocation after another that write the Map's input."""

import math
from dataclasses import dataclass

from costs.plan import fixed
from costs.plan.checks import item_bytes
from costs.plan.limits import Impossible
from costs.plan.settings import Workload
from costs.plan.steps import Steps

# What stands around a chunk's items in the object.
CHUNK_BYTES = len(',\n{"seq":000000,"items":[]}')
# Requests beside the parts': who owns the batch, what was made; of every later round, who owns it.
REQUESTS_FIRST, REQUESTS_AGAIN = 3, 1
PARTS_LISTED = 1000


@dataclass(frozen=True)
class Rounds:
    """How the chunks are written: milliseconds without init."""

    rounds: int
    milliseconds: float
    parts: int


def rounds(workload: Workload, chunks: int, steps: Steps) -> Rounds:
    """What the batcher does. Raises Impossible where no object, or no Map Run, takes it all."""
    size = workload.items * (item_bytes(workload) + 1) + chunks * CHUNK_BYTES
    limit = steps.quotas["states.input_file_bytes"]
    if size > limit:
        raise Impossible(
            "states.input_file_bytes",
            f"{workload.items:,} items are {size / 1e9:,.1f} GB as the Map's input, and {limit / 1e9:,.1f} GB is the "
            "most: make items smaller, say keys of what is in S3, or run several batches",
        )
    if chunks > steps.quotas["states.map_items"]:
        raise Impossible(
            "states.map_items",
            f"{chunks:,} chunks are more than the {steps.quotas['states.map_items']:,.0f} that a Map Run reads: "
            "raise ItemsPerChunk",
        )
    parts = math.ceil(size / fixed.PART_BYTES)
    if parts > steps.quotas["s3.multipart_parts"]:
        raise Impossible(
            "s3.multipart_parts",
            f"{size / 1e9:,.1f} GB are {parts:,} parts of 8 MiB, and an upload has "
            f"{steps.quotas['s3.multipart_parts']:,.0f} at most: run several batches",
        )
    uploading = parts * steps.upload(min(size, fixed.PART_BYTES))
    completing = (2 + parts // PARTS_LISTED) * steps.s3 if parts > 1 else 0.0
    work = workload.items * steps.make_item + uploading + completing
    room = (fixed.SFN_BATCHER_TIMEOUT - fixed.SFN_BATCHER_STOP) * 1000
    count = math.ceil(work / room)
    requests = (REQUESTS_FIRST + (count - 1) * REQUESTS_AGAIN) * steps.s3
    return Rounds(count, work + requests + steps.events + count * steps.overhead, parts)
