"""How many chunks a child execution has, and how many children and chunks there are at a time. Pure."""

import math
from dataclasses import dataclass

from handlers.sfn.store import READ_TOGETHER

# Then the time of a child is a tenth of its chunks': about 3% of what their processors cost, at 256 MB.
MOST_AT_ONCE = 10
# The share of MaxConcurrency that chunks at a time, times children at a time, has to reach.
USED = 0.9
# Chunks that a child begins one after another in one place, for each minute in which it may begin work, and at most.
IN_TURN_A_MINUTE, MOST_IN_TURN = 5, 10
# A child's chunks and their outcomes take about 100 bytes each of the 256 KiB of a state's input, and 25 events at
# most of the 25,000 of a STANDARD child's history.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MOST_CHUNKS = 400
# A processor's own read is an S3 request and 50 ms of its time: as much as the difference between children of so many
# chunks and of 50.
WORTH_READING = 24


@dataclass(frozen=True)
class Grouping:
    """`per_child` chunks in each of `children`, the last of which may have fewer.

    `children_at_once` times `chunks_at_once`, the chunks at a time in each, is at most MaxConcurrency.
    """

    children: int
    per_child: int
    children_at_once: int
    chunks_at_once: int


def grouped(chunks: int, chunk_bytes: float, max_concurrency: int, chunks_per_child: int, minutes: int) -> Grouping:
    """The grouping of a batch of so many chunks of `chunk_bytes`, 0 if they cannot be read together.

    `chunks_per_child` 0 is automatic: as many as a child has time for, and reads together if that is cheaper.

    `minutes`: those in which a child may begin work. All children of a batch that take turns get equally many chunks,
    because at its end the others would wait for the last.
    """
    at_once = places(max_concurrency)
    if chunks_per_child:
        at_once, per_child = min(at_once, chunks_per_child), chunks_per_child
    else:
        most = min(MOST_CHUNKS, at_once * max(1, min(MOST_IN_TURN, IN_TURN_A_MINUTE * minutes)))
        # Chunks differ in size: children of equally many are read together only if there is some room.
        fitting = int(READ_TOGETHER * 0.9 // chunk_bytes) if chunk_bytes >= 1 else 0
        most = min(most, fitting) if fitting >= WORTH_READING else most
        in_turn = (max_concurrency // at_once) * math.ceil(chunks / (most * (max_concurrency // at_once)))
        per_child = max(1, math.ceil(chunks / max(1, in_turn)))
    return Grouping(math.ceil(chunks / per_child), per_child, max_concurrency // at_once, at_once)


def places(max_concurrency: int) -> int:
    """Chunks at a time in a child: as many as leave two children at a time, and use nearly all of MaxConcurrency."""
    wanted = range(min(MOST_AT_ONCE, max(1, max_concurrency // 2)), 0, -1)
    return next(each for each in wanted if max_concurrency // each * each >= USED * max_concurrency)
