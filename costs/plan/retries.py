"""How often chunks are processed: the items that fail, and the invocations that run out of time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from costs.plan.rows import Estimate, added, estimate, spread
from costs.plan.settings import Settings, Workload
from costs.plan.shape import SfnShape, SqsShape
from costs.plan.timing import Timing
from handlers.core.run_items import STOP_MS

DEVIATIONS = 6
"""A random number is assumed to lie within this many standard deviations: two in a thousand million do not."""


@dataclass(frozen=True)
class Attempts:
    """`failed_items` fail at every attempt. They are in `failing_chunks`, whose further attempts are `retries`.

    `cut_short` counts chunks that made progress and ran out of time. `waited` counts messages that were returned
    untouched because no time was left for them.
    """

    failed_items: Estimate
    failing_chunks: Estimate
    retries: Estimate
    cut_short: Estimate
    waited: Estimate

    @property
    def failed_per_chunk(self) -> int:
        """The expected number of failed items in a failing chunk."""
        return round(self.failed_items.expected / max(1, self.failing_chunks.expected))


@dataclass(frozen=True)
class PlannedBatch[Shape: (SqsShape, SfnShape)]:
    """A batch before it runs. `shapes` are those with the least, the expected and the largest items."""

    workload: Workload
    settings: Settings
    batch_id: str
    timing: Timing | None
    shapes: Sequence[Shape]

    @property
    def shape(self) -> Shape:
        """The shape with items of the expected size."""
        return self.shapes[1]

    @cached_property
    def chunks(self) -> Estimate:
        """The number of chunks."""
        return spread(shape.chunks for shape in self.shapes)

    def attempts(self, shorter: int, batch_size: int) -> Attempts:
        """The attempts at the chunks. An invocation takes `batch_size` chunks.

        At most `shorter` chunks are shorter than the others. Items fail independently of each other with `fail_rate`,
        so their number is binomial.
        """
        workload, timing, chunks = self.workload, self.timing, self.chunks
        failed_items = binomial(workload.items, workload.fail_rate)
        failing_chunks = failing(workload, chunks, self.shape.chunk_items, shorter)
        failing_chunks = Estimate(*(min(count, failed_items.most) for count in failing_chunks))
        retries = Estimate(*(count * (self.settings.max_attempts - 1) for count in failing_chunks))
        late = late_invocations(workload, self.settings, added(chunks, retries).most, batch_size)
        return Attempts(
            failed_items=failed_items,
            failing_chunks=failing_chunks,
            retries=retries,
            cut_short=estimate(0, timing.cut_short if timing else 0, late),
            waited=estimate(0, timing.waited if timing else 0, late * (batch_size - 1)),
        )


def failing(workload: Workload, chunks: Estimate, chunk_items: int, shorter: int) -> Estimate:
    """The number of chunks with a failing item, binomial too.

    The lower bound leaves out the shorter chunks. The upper bound counts them as full ones.
    """
    rate = workload.fail_rate
    if rate in (0, 1) or not chunks.expected:
        return Estimate(*(count * rate for count in chunks))
    full = 1 - (1 - rate) ** chunk_items
    mean = chunks.expected * (1 - (1 - rate) ** (workload.items / chunks.expected))
    return estimate(binomial(max(0, chunks.least - shorter), full).least, mean, binomial(chunks.most, full).most)


def binomial(count: float, rate: float) -> Estimate:
    """The number of successes of `count` trials, each with probability `rate`."""
    mean, margin = count * rate, DEVIATIONS * math.sqrt(count * rate * (1 - rate))
    if not margin:
        return Estimate(mean, mean, mean)
    return Estimate(max(0, math.floor(mean - margin)), mean, min(count, math.ceil(mean + margin)))


def late_invocations(workload: Workload, settings: Settings, worked: float, batch_size: int) -> float:
    """The most invocations that run out of time in a batch with `worked` attempts at chunks.

    There are none if the chunks of an invocation take at most half of the timeout, because service calls take less than
    the other half. A late invocation has worked until its processor began no more items: one longest item before the
    stop. So there are at most as many as fit into the work of all attempts. A chunk takes at most `(items + slots - 1)
    / slots` times its longest item (list scheduling).
    """
    timeout = settings.processor_timeout * 1000
    longest = workload.values.largest
    slots = max(1, min(settings.item_concurrency, settings.items_per_chunk))
    chunk_ms = (min(settings.items_per_chunk, workload.items) + slots - 1) / slots * longest
    if not worked or chunk_ms * batch_size <= timeout / 2:
        return 0
    stop = min(2 * STOP_MS, timeout / 4)
    # At least a quarter of the timeout: a batch with longer items cannot be planned.
    return math.ceil(worked * chunk_ms / max(timeout - stop - longest, timeout / 4))
