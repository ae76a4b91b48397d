"""When a batch will be done, as a range, by what was seen of it."""

from collections.abc import Sequence
from typing import NamedTuple

from rollcall.console.history import Point

# The ranges of the latest 5, 15 and 60 seconds and of the whole batch: if these rates differ, the range is wide.
WINDOWS_MS = (5_000, 15_000, 60_000, 10**12)
# A rate says something once it is of so long and of so many looks.
SHORTEST_MS, FEWEST_POINTS = 1_500, 3
# Measured with `python -m bench.console_range`, so that the true end lies within in four of five looks and more.
FASTER, SLOWER = 1.5, 1.6
# A look is a second old, or more; and the end of a batch after its last chunk is a check of the finalizer's.
HEAD_SECONDS, TAIL_SECONDS = 2.0, 3.0


class Range(NamedTuple):
    """The batch will be done in `low` to `high` seconds."""

    low: float
    high: float


def rates(points: Sequence[Point]) -> list[float]:
    """Finished items a second, over each window that tells one; 0 if nothing moved within it."""
    found = []
    for window in WINDOWS_MS:
        inside = [point for point in points if point.at >= points[-1].at - window]
        first, last = inside[0], inside[-1]
        if len(inside) >= FEWEST_POINTS and last.at - first.at >= SHORTEST_MS:
            found.append((last.finished - first.finished) * 1000 / (last.at - first.at))
    return found


def rate_now(points: Sequence[Point]) -> float | None:
    """Finished items a second of late; None while unknown."""
    known = rates(points) if points else []
    return known[min(1, len(known) - 1)] if known else None


def ending_range(points: Sequence[Point], waits: float = 0.0) -> Range | None:
    """The seconds from the last point to the batch's end; None while the number of items or the rate is unknown.

    What is left at the highest of the rates, and at the lowest. Those in work may be all but done, the more so where
    only the end of several chunks together is known. The last items take as long as a chunk takes: by
    Little's law those that are worked on divided by the rate (https://en.wikipedia.org/wiki/Little%27s_law). Where
    items fail, they also wait for their next attempts: `waits` seconds at the most.
    """
    moving = [rate for rate in (rates(points) if points else []) if rate > 0]
    if not moving:
        return None
    last = points[-1]
    begun, not_begun = last.working, last.waiting + last.unmade
    of_a_chunk = begun / max(moving)
    low = max(not_begun / max(moving) / FASTER - HEAD_SECONDS, 0.0)
    high = (begun + not_begun) / min(moving) * SLOWER + of_a_chunk + waits + TAIL_SECONDS
    return Range(low, high)
