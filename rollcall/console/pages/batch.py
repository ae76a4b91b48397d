"""A batch: when its last item will be done, where its chunks stand, what happened, and what it costs."""

from typing import Any

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from handlers.core.batch import BatchRequest
from handlers.sqs.table import FOREVER
from rollcall.batches.sight import Key, Sight
from rollcall.console import charts, drawing, money, words
from rollcall.console.estimate import ending_range, rate_now
from rollcall.console.page import Asked, Page
from rollcall.console.pages.batches import cost_of, rate_of, watch_now
from rollcall.console.pages.flow import why
from rollcall.console.watch import Watch, refuse_no_batch

SLOWEST = 10
# A plan is simulated, which takes a moment.
PLAN_SLOWER = 600.0


def key_in(asked: Asked) -> Key:
    """The batch that the path names. Raises Problem if it names none."""
    architecture, batch_id = asked.path["architecture"], asked.path["batch_id"]
    refuse_no_batch(architecture, batch_id)
    generation = asked.path.get("generation")
    if generation is None:
        generation = asked.watch.latest(architecture, batch_id) or 1
    return Key(architecture, batch_id, generation)


def sight_of(asked: Asked, key: Key) -> tuple[Sight, str | None]:
    """What is seen of the batch, and why that is old. Raises Problem if there is no such batch."""
    look = asked.watch.batch(key)
    if look.value is None:
        where = asked.watch.connection.place
        raise Problem(
            look.error or f"there is no batch {key.batch_id!r}, generation {key.generation}, at {where}",
            "a batch that was started a moment ago has no record yet: load the page again",
        )
    return look.value, look.error


def slowest(sight: Sight) -> list[dict[str, Any]]:
    """The chunks in work or tried before that have been there longest: those with the most attempts, oldest leases."""
    begun = [chunk for chunk in sight.chunks.left if chunk.attempts]
    begun.sort(key=lambda chunk: (-chunk.attempts, chunk.lease_until or FOREVER))
    return [
        {
            "seq": chunk.seq,
            "place": sight.chunks.place(chunk.seq),
            "items": chunk.items,
            "attempts": chunk.attempts,
            "failed": chunk.failed,
            "state": lease(chunk.lease_until, sight.at),
        }
        for chunk in begun[:SLOWEST]
    ]


def lease(until: int, now: int) -> str:
    """Who has a chunk, by its lease."""
    if until >= FOREVER:
        return "taken out of processing"
    if until > now:
        return f"in work, lease until {words.moment(until, now)}"
    return "waits for its next attempt" if not until else f"lease ended at {words.moment(until, now)}"


def plan(watch: Watch, sight: Sight) -> Bill | None:
    """The plan's bill of the batch; None if it cannot be planned."""
    architecture, batch_id, generation = sight.key
    items = sight.counts.known
    if generation > 1:
        return None

    def see() -> Bill | None:
        request: BatchRequest | None = watch.batches(architecture).request(batch_id)
        made = request and money.plan_of(architecture, request, items, watch.connection.stack(architecture), watch.book)
        return made.bill if made else None

    found: Bill | None = watch.every(f"plan {architecture} {batch_id} {items}", see, PLAN_SLOWER).value
    return found


def services(lines: list[money.Line]) -> list[tuple[str, float | None, float | None]]:
    """The sums of a bill by service, and of your code: what it is, so far, planned."""
    names = list(dict.fromkeys("your code" if line.own else line.service for line in lines))
    parts = {name: [line for line in lines if name == ("your code" if line.own else line.service)] for name in names}
    return [(name, money.total(part, "billed"), money.total(part, "planned")) for name, part in parts.items()]


def batch(asked: Asked) -> Page:
    """The page of a batch."""
    watch = asked.watch
    key = key_in(asked)
    sight, error = sight_of(asked, key)
    story = watch.history.of(key)
    span = ending_range(story.points, sight.waits) if not sight.result else None
    now = watch_now(watch, sight)
    cells, each = drawing.cells_of(drawing.states_of(sight.chunks, sight.at))
    bill = watch.bill(key).value
    planned = plan(watch, sight)
    lines = money.beside(bill, planned)
    oldest = sight.chunks.children.oldest if sight.chunks.children else ()
    again = bool(sight.result and (sight.result.failed or sight.result.remaining))
    shows: dict[str, Any] = {
        "sight": sight,
        "key": key,
        "path": f"/batches/{key.architecture}/{key.batch_id}/{key.generation}",
        "architecture": ARCHITECTURE_TITLES[key.architecture],
        "stage": words.stage(sight),
        "headline": words.headline(sight, span, story.points),
        "lag": words.lag(sight, story.arrived_at) if sight.result else "",
        "sealed": sealed(sight),
        "deadline": deadline(sight, now),
        "reason": sight.result.reason if sight.result else None,
        "bar": drawing.bar(sight, "big"),
        "said": drawing.said(sight),
        "rate": rate_of(sight) if sight.result else rate_now(story.points),
        "duration": duration(sight, now),
        "cost": cost_of(bill),
        "planned_cost": cost_of(planned),
        # A running batch keeps their place free from the start: nothing moves when they come.
        "charts": [charts.counts_chart(story.points), charts.rate_chart(story.points)]
        if len(story.points) > 2 or not sight.result
        else [],
        "map": drawing.chunk_map(cells) if cells else None,
        "each": each,
        "counted": bool(sight.chunks.counted),
        "children": sight.chunks.children,
        "complete": sight.chunks.complete,
        "slowest": slowest(sight),
        "oldest": [(name, (sight.at - since) / 1000) for name, since in oldest[:SLOWEST]],
        "timeline": story.timeline(),
        "why": why(asked, sight),
        "lines": lines,
        "services": services(lines),
        "billed_total": money.total(lines, "billed"),
        "planned_total": money.total(lines, "planned"),
        "may_cancel": asked.actions.allowed and not sight.result,
        "may_redrive": asked.actions.allowed and again,
        "now": now,
        "generations": watch.latest(key.architecture, key.batch_id) or key.generation,
    }
    return Page("batch.html", f"{words.stage(sight)}: {key.batch_id}", shows, error)


def sealed(sight: Sight) -> str:
    """Whether the number of the batch's items is final."""
    if sight.result:
        return ""
    return "sealed: no item will be added" if sight.sealed else "not sealed: items are still being cut into chunks"


def deadline(sight: Sight, now: int) -> str:
    """The time until the deadline."""
    if sight.result or not sight.deadline:
        return ""
    left = (sight.deadline - now) / 1000
    at = words.moment(sight.deadline, now)
    return f"deadline in {words.countdown(left)}, at {at}" if left > 0 else f"deadline passed at {at}"


def duration(sight: Sight, now: int) -> float | None:
    """The seconds that the batch has taken so far, or took."""
    if not sight.started_at:
        return None
    return max(0.0, ((sight.finished_at or now) - sight.started_at) / 1000)
