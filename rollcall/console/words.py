"""Times, ranges and states in words, as the pages show them."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from costs.format import count, seconds
from rollcall.batches.batch import Progress
from rollcall.batches.failure_summary import percent
from rollcall.batches.sight import Sight
from rollcall.console.estimate import Range
from rollcall.console.history import Point

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
STAGES = {
    "forming chunks": "making chunks",
    "processing": "processing",
    "finishing": "finishing",
    "stalled": "stalled",
    "being cancelled": "being cancelled",
}
# A batch in which nothing is done for so long, and for so many times the longest of the latest pauses, gets a sentence
# about that in place of a range.
STILL_SECONDS, STILL_PAUSES, LATEST_PAUSES = 10.0, 2.0, 20


def moment(at: int | None, now: int | None = None, exact: bool = False) -> str:
    """A time in ms since 1970 by this machine's time zone: `14:03:12`, with its date unless it is today's."""
    if at is None:
        return "-"
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone()
    today = datetime.fromtimestamp((at if now is None else now) / 1000, UTC).astimezone().date()
    text = f"{local:%H:%M:%S}" + (f".{at % 1000:03}" if exact else "")
    return text if local.date() == today else f"{local:%Y-%m-%d} {text}"


def in_words(span: Range) -> str:
    """`in 2 to 3 min`, `in 40 s to 2 min`, `within 4 s`: each end in its own unit, rounded outwards."""
    low, high = rounded(span.low, math.floor), rounded(span.high, math.ceil)
    if low[0] == 0:
        return f"within {high[0]} {high[1]}"
    if low == high:
        return f"in about {high[0]} {high[1]}"
    return (
        f"in {low[0]} to {high[0]} {high[1]}" if low[1] == high[1] else f"in {low[0]} {low[1]} to {high[0]} {high[1]}"
    )


def rounded(duration: float, to_whole: Callable[[float], int]) -> tuple[int, str]:
    """A duration as a whole number of a unit: of the largest of which it has two, from 20 seconds on in steps of 5."""
    size, unit = next(((size, unit) for size, unit in UNITS if duration >= 2 * size), (1, "s"))
    step = 5 if unit == "s" and duration > 20 else 1
    return to_whole(duration / size / step) * step, unit


def countdown(left: float) -> str:
    """`5:03:07`, or `2 d 5:03:07`."""
    days, rest = divmod(round(left), 86_400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock


def stage(sight: Sight) -> str:
    """The state of a batch in a word or two: its stage while it runs, then its status."""
    return STAGES.get(sight.seen.stage, sight.seen.stage) if isinstance(sight.seen, Progress) else sight.status


def still_for(points: list[Point], now: int) -> float | None:
    """For how many seconds no item has been done, if that is long; of a batch that has been looked at for as long.

    Where the items that are done show in steps, as those of Step Functions' children do, a pause between them is usual.
    """
    if not points:
        return None
    moves = [points[0].at, *(after.at for before, after in pairwise(points) if after.finished != before.finished)]
    usual = max((after - before for before, after in pairwise(moves[-LATEST_PAUSES:])), default=0) / 1000
    still = (now - moves[-1]) / 1000
    return still if still >= max(STILL_SECONDS, STILL_PAUSES * usual) else None


def headline(sight: Sight, span: Range | None, points: list[Point]) -> str:
    """The answer to the question of this project, in a sentence."""
    if sight.result:
        return ended(sight)
    if isinstance(sight.seen, Progress) and sight.seen.trouble:
        return f"It will not be done by itself: {sight.seen.trouble}"
    still = still_for(points, sight.at)
    if still:
        what = "No child execution has ended" if sight.in_steps else "Nothing has been done"
        return f"{what} for {seconds(still)}"
    if span and sight.sealed is not False:
        return f"The last item will be done {in_words(span)}"
    if sight.counts.unmade is None:
        return f"How many items there are is not known yet: {count(sight.counts.known, 'item')} so far"
    return f"The last item will be done {in_words(span)}" if span else "No rate is known yet"


def ended(sight: Sight) -> str:
    """How and when a batch ended."""
    result = sight.result
    assert result  # noqa: S101 - the caller has looked
    at = moment(sight.finished_at, sight.at, exact=True)
    match result.status:
        case "SUCCEEDED":
            return f"Done at {at}"
        case "FAILED":
            share = percent((result.failed or 0) / result.items) if result.items else ""
            return f"Failed at {at}" + (f": {count(result.failed, 'item')} failed, {share}" if result.failed else "")
        case "EXPIRED":
            return f"Ended at its deadline, {at}: {count(result.remaining, 'item')} remain"
        case "CANCELLED":
            return f"Cancelled at {at}: {count(result.remaining, 'item')} remain"
        case "SKIPPED":
            return f"Skipped at {at}"
    return f"{result.status} at {at}"


def lag(sight: Sight, arrived_at: int | None) -> str:
    """How long the end took to be told; empty if it is not known.

    No record tells when the last chunk was done if the finalizer found the batch done at a check of its own.
    """
    if not sight.drained_at:
        if not arrived_at or not sight.finished_at:
            return ""
        return f"event {seconds(max(0, arrived_at - sight.finished_at) / 1000)} after its end was recorded"
    if arrived_at:
        return f"event {seconds(max(0, arrived_at - sight.drained_at) / 1000)} later"
    if sight.finished_at:
        return f"recorded {seconds(max(0, sight.finished_at - sight.drained_at) / 1000)} after its last chunk"
    return ""
