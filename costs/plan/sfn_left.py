"""The chunks that EXPRESS children have no time to begin, and hand on to a further Map Run."""

import math
from dataclasses import dataclass

from costs.plan.settings import Settings, Workload
from costs.plan.shape import SfnShape, minutes

# A child stops at the first change of a minute that is one too many: on average half a minute before its time.
EARLY_SECONDS = 30


@dataclass(frozen=True)
class Left:
    """The expected numbers of a batch: chunks handed on, each as often as it is, Map Runs, and all their children.

    There are no more than `most_runs` of them.
    """

    chunks: float
    runs: int
    children: float
    most_runs: int


def left(workload: Workload, settings: Settings, shape: SfnShape, chunk_seconds: float) -> Left:
    """What children hand on if a chunk takes so long on average.

    A child begins some of the chunks that it has in turn in a place. The others are grouped anew, and of them the next
    Map Run's children begin as large a share.
    """
    children, begins = shape.grouping.children, 60 * minutes(settings)
    if settings.child_type != "EXPRESS" or not children:
        return Left(0, 1, children, most_runs=1)
    turns = math.ceil(min(shape.chunks, shape.grouping.per_child) / shape.grouping.chunks_at_once)
    begun = max(1.0, (begins - EARLY_SECONDS) / chunk_seconds) if chunk_seconds else turns
    share = max(0.0, 1 - begun / turns)
    runs = 1 + math.ceil(math.log(shape.chunks) / -math.log(share)) if share else 1
    slots = max(1, min(settings.item_concurrency, shape.chunk_items))
    longest = (shape.chunk_items + slots - 1) / slots * workload.values.largest / 1000
    if workload.fail_rate:
        longest = settings.max_attempts * longest + (settings.max_attempts - 1) * settings.retry_delay_seconds
    # A Map Run begins at least one of the chunks in turn, or one of the attempts at them.
    most = turns + settings.max_attempts if turns * longest > begins - 60 and longest else 0
    return Left(shape.chunks * share / (1 - share), runs, children / (1 - share), most_runs=1 + most)
