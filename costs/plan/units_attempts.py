"""How often chunks are worked on: the items that fail, and what is handed back because a function's time runs out."""

import math
from dataclasses import dataclass

from costs.plan import fixed
from costs.plan.settings import Settings, Workload
from costs.plan.timing import Timing
from costs.plan.units_range import Range

DEVIATIONS = 6
"""Standard deviations within which a random number of items is taken to lie: all but two in a thousand million."""


@dataclass(frozen=True)
class Attempts:
    """`failed_items` fail at every attempt, in `failing_chunks`. `retries` are second and further attempts of those.

    `cut_short` counts chunks that got on but ran out of time, `waited` messages handed back untouched for want of it.
    """

    failed_items: Range
    failing_chunks: Range
    retries: Range
    cut_short: Range
    waited: Range


def attempts(
    workload: Workload, settings: Settings, chunks: Range, chunk_items: int, shorter: int, batch_size: int,
    timing: Timing | None,
) -> Attempts:  # fmt: skip
    """Of a batch of so many chunks of `chunk_items`, at most `shorter` of them shorter; `batch_size` an invocation.

    Items fail independently of each other with `fail_rate`, so their number is binomial; with a rate of 0 or 1 it is
    known. For want of time see `late_invocations`.
    """
    failed_items = binomial(workload.items, workload.fail_rate)
    failing_chunks = failing(workload, chunks, chunk_items, shorter).at_most(failed_items.high)
    retries = failing_chunks * (settings.max_attempts - 1)
    late = late_invocations(workload, settings, (chunks + retries).high, batch_size)
    return Attempts(
        failed_items=failed_items,
        failing_chunks=failing_chunks,
        retries=retries,
        cut_short=Range.of(0, timing.cut_short if timing else 0, late),
        waited=Range.of(0, timing.waited if timing else 0, late * (batch_size - 1)),
    )


def failing(workload: Workload, chunks: Range, chunk_items: int, shorter: int) -> Range:
    """Chunks with an item that fails: binomial too, if all were full; none of the shorter ones at least."""
    rate = workload.fail_rate
    if rate in (0, 1) or not chunks.expected:
        return chunks * rate
    full = 1 - (1 - rate) ** chunk_items
    mean = chunks.expected * (1 - (1 - rate) ** (workload.items / chunks.expected))
    return Range.of(binomial(max(0, chunks.low - shorter), full).low, mean, binomial(chunks.high, full).high)


def binomial(count: float, rate: float) -> Range:
    """How many of `count` it hits, each with probability `rate`."""
    if rate in (0, 1):
        return Range.exactly(count * rate)
    mean, margin = count * rate, DEVIATIONS * math.sqrt(count * rate * (1 - rate))
    return Range(max(0, math.floor(mean - margin)), mean, min(count, math.ceil(mean + margin)))


def late_invocations(workload: Workload, settings: Settings, worked: float, batch_size: int) -> float:
    """The most invocations that run out of time in a batch whose chunks are worked on so often in all.

    None where a whole batch of chunks takes half of the timeout at most, calls of services taking less than the other
    half. Otherwise each of them worked until its processor begins no chunk and no item any more, the time of its
    longest item before the stop; so there are no more than that fits into the work of all attempts. A chunk takes
    `(items + slots - 1) / slots` of its longest item at most, whatever its items' values (list scheduling).
    """
    timeout = settings.function_timeout * 1000
    longest = workload.values.largest
    slots = max(1, min(settings.item_concurrency, settings.items_per_chunk))
    chunk_ms = (min(settings.items_per_chunk, workload.items) + slots - 1) / slots * longest
    if not worked or chunk_ms * batch_size <= timeout / 2:
        return 0
    stop = min(2 * fixed.STOP_SECONDS * 1000, timeout / 4)
    # At least a quarter of the timeout: an item that needs more than the rest of it leaves no way to plan.
    each = max(timeout - stop - longest, timeout / 4)
    return math.ceil(worked * chunk_ms / each)
