"""Batches: the latest ones of both architectures, live, and the form that starts one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.format import dollars
from rollcall.batches.sight import Sight, epoch_ms
from rollcall.console import drawing, words
from rollcall.console.estimate import ending_range, rate_now
from rollcall.console.page import Asked, Page, number_in
from rollcall.console.watch import PATIENCE_SECONDS, Overview, Watch

STATES = ("OPEN", "SUCCEEDED", "FAILED", "EXPIRED", "CANCELLED", "SKIPPED")
MOST_PAGES = 20


@dataclass(frozen=True)
class Row:
    """A batch in the list."""

    sight: Sight
    stage: str
    bar: Markup
    said: str
    rate: float | None
    spark: Markup
    end: str
    cost: str

    @property
    def path(self) -> str:
        """The path of the batch's page."""
        return path_of(self.sight)


def path_of(sight: Sight) -> str:
    """The path of a batch's page."""
    key = sight.key
    return f"/batches/{key.architecture}/{key.batch_id}/{key.generation}"


def row(watch: Watch, sight: Sight, until: float) -> Row:
    """A batch as the list shows it. After `until` no bill is made that has never been made: a next time."""
    points = watch.history.of(sight.key).points
    result, known = sight.result, watch.knows_bill(sight.key)
    return Row(
        sight=sight,
        stage=words.stage(sight),
        bar=drawing.bar(sight),
        said=drawing.said(sight),
        rate=rate_of(sight) if result else rate_now(points),
        spark=drawing.spark(points),
        end=end_of(sight, watch),
        cost=cost_of(watch.bill(sight.key).value) if known or time.monotonic() < until else "-",
    )


def rate_of(sight: Sight) -> float | None:
    """Items a second of a batch that has ended."""
    if not sight.result or not sight.result.duration_seconds:
        return None
    return (sight.counts.done + sight.counts.failed) / sight.result.duration_seconds


def end_of(sight: Sight, watch: Watch) -> str:
    """When it ended, or the range in which it will."""
    if sight.result:
        return words.moment(sight.finished_at, watch_now(watch, sight))
    points = watch.history.of(sight.key).points
    if words.still_for(points, sight.at):
        return "not known: it stands"
    span = ending_range(points, sight.waits)
    return words.in_words(span) if span and sight.counts.unmade is not None else "not known yet"


def watch_now(watch: Watch, sight: Sight) -> int:
    """The time there, as far as it has been seen."""
    clock = watch.clock()
    if not clock:
        return sight.at
    return epoch_ms(clock["now"]) or sight.at


def cost_of(bill: Bill | None) -> str:
    """The dollars of a batch, without what is paid by the hour."""
    return dollars(bill.split_by_the_hour()[0].dollars) if bill else "-"


def chosen(overview: Overview, asked: Asked) -> Iterator[Sight]:
    """The batches that the filters in the URL let through."""
    state, architecture, text = (asked.query.get(name, "") for name in ("state", "architecture", "q"))
    for sight in overview.sights:
        if state and sight.status != state:
            continue
        if architecture and sight.key.architecture != architecture:
            continue
        if text.lower() in sight.key.batch_id.lower():
            yield sight


def batches(asked: Asked) -> Page:
    """The list."""
    watch = asked.watch
    number = number_in(asked.query.get("page"), 1, MOST_PAGES)
    look = watch.overview(number)
    overview = look.value or Overview(0, ())
    found = list(chosen(overview, asked))
    size = watch.page_size
    shown = found[(number - 1) * size : number * size]
    until = time.monotonic() + PATIENCE_SECONDS
    running = sum(sight.status == "OPEN" for sight in overview.sights)
    shows: dict[str, Any] = {
        "rows": [row(watch, sight, until) for sight in shown],
        "complete": overview.complete,
        "seen": len(overview.sights),
        "found": len(found),
        "running": running,
        "number": number,
        "more": len(found) > number * size or len(overview.sights) >= number * size,
        "states": STATES,
        "architectures": ARCHITECTURE_TITLES,
        "deployed": watch.connection.stacks,
    }
    return Page("batches.html", f"Batches ({running} running)" if running else "Batches", shows, look.error)
