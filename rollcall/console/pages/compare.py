"""Compare: two batches side by side, and the plan of a batch that has not run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from shlex import join
from typing import Any
from urllib.parse import urlencode

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.facts.figures import Assumptions, Quotas
from costs.format import count, dollars, seconds
from costs.plan.distribution import Distribution
from costs.plan.limits import Impossible
from costs.plan.plan import Planner
from costs.plan.settings import Settings, Workload
from rollcall.batches.sight import Key, Sight
from rollcall.console import money, words
from rollcall.console.page import Asked, Page
from rollcall.console.pages.batches import path_of, rate_of
from rollcall.console.pages.failures import key_in_text
from rollcall.console.watch import Overview

MOST_ITEMS = 100_000_000
PLAN_SLOWER = 600.0
USUAL_VALUES = "uniform:0-1000"


@dataclass(frozen=True)
class Side:
    """One of the two batches, with its lag and its bill."""

    sight: Sight
    lag: float | None
    bill: Bill | None


def row(label: str, sides: list[Side], cell: Callable[[Side], str]) -> tuple[str, list[str]]:
    """A row of the comparison."""
    return label, [cell(side) for side in sides]


def side(asked: Asked, key: Key) -> Side:
    """What is compared of a batch. Raises Problem if there is no such batch."""
    sight = asked.watch.batch(key).value
    if sight is None:
        raise Problem(f"there is no batch {key.batch_id!r} at {asked.watch.connection.place}")
    arrived, drained = asked.watch.history.of(key).arrived_at, sight.drained_at
    ended = arrived or sight.finished_at
    return Side(sight, (ended - drained) / 1000 if ended and drained else None, asked.watch.bill(key).value)


def rows(sides: list[Side]) -> list[tuple[str, list[str]]]:
    """The comparison, row by row."""

    def cost(of: Callable[[Bill], float | None]) -> Callable[[Side], str]:
        def cell(side: Side) -> str:
            amount = of(side.bill.split_by_the_hour()[0]) if side.bill else None
            return "-" if amount is None else dollars(amount)

        return cell

    return [
        row("State", sides, lambda side: words.stage(side.sight)),
        row("Architecture", sides, lambda side: ARCHITECTURE_TITLES[side.sight.key.architecture]),
        row("Items", sides, lambda side: count(side.sight.counts.known)),
        row("Failed", sides, lambda side: count(side.sight.counts.failed)),
        row("Chunks", sides, lambda side: count(side.sight.chunk_count)),
        row("Duration", sides, lambda side: seconds(side.sight.result.duration_seconds if side.sight.result else None)),
        row("Items a second", sides, lambda side: count(rate_of(side.sight))),
        row("From its last chunk to its end", sides, lambda side: seconds(side.lag)),
        row("Cost on AWS", sides, cost(lambda bill: bill.dollars)),
        row("of it orchestration", sides, cost(lambda bill: bill.orchestration)),
        row("Orchestration per million items", sides, cost(lambda bill: bill.part(own=False).per_million())),
    ]


def compare(asked: Asked) -> Page:
    """The two batches, chosen among the latest."""
    look = asked.watch.overview()
    overview = look.value or Overview(0, ())
    choices = ["/".join(map(str, sight.key)) for sight in overview.sights]
    chosen = [text for name in ("a", "b") if (text := asked.query.get(name, ""))]
    sides = [side(asked, key_in_text(asked, text)) for text in chosen]
    bills = [money.sums(side.bill) for side in sides]
    places = sorted({place for bill in bills for place in bill}, key=lambda at: -max(bill.get(at, 0) for bill in bills))
    shows: dict[str, Any] = {
        "choices": choices,
        "titles": [(path_of(side.sight), side.sight.key) for side in sides],
        "rows": rows(sides),
        "lines": [(*place, [bill.get(place) for bill in bills]) for place in places],
        "default": (chosen + choices[: 2 - len(chosen)] + ["", ""])[:2],
    }
    return Page("compare.html", "Compare", shows, look.error)


def workload_in(asked: Asked) -> Workload | None:
    """The items that the query asks for, and the time of each; None without any. Raises Problem."""
    text = asked.query.get("items", "").replace(",", "")
    if not text:
        return None
    items = int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None
    if items is None or items > MOST_ITEMS:
        raise Problem(f"{text!r} is no number of items from 0 to {MOST_ITEMS:,}")
    return Workload(items=items, values=Distribution.parse(asked.query.get("values") or USUAL_VALUES))


def planner_of(asked: Asked) -> Planner:
    """The planner, with AWS's usual quotas."""
    return Planner(Quotas.load(), Assumptions.load(), asked.watch.book)


def plan(asked: Asked) -> Page:
    """The plan of a batch for both architectures, with the settings of the deployed stacks."""
    workload, values = workload_in(asked), asked.query.get("values") or USUAL_VALUES
    items = str(workload.items if workload else 1_000_000)
    plans: list[dict[str, Any]] = []
    if workload:
        for architecture in ARCHITECTURE_TITLES:
            name = f"plan {architecture} {items} {values}"
            plans.append(asked.watch.every(name, partial(planned, asked, architecture, workload), PLAN_SLOWER).value)
    shows = {
        "plans": plans,
        "values": values,
        "command": join(["rollcall", "plan", "--items", items, "--value-distribution", values]),
        "tune": "/tune?" + urlencode({"items": items, "values": values}),
    }
    return Page("plan.html", "Plan", shows)


def planned(asked: Asked, architecture: str, workload: Workload) -> dict[str, Any]:
    """One architecture's plan, or why it is refused."""
    try:
        made = planner_of(asked)(architecture, workload, Settings())
    except Impossible as impossible:
        return {"title": ARCHITECTURE_TITLES[architecture], "refused": str(impossible)}
    return {
        "title": ARCHITECTURE_TITLES[architecture],
        "refused": None,
        "dollars": dollars(made.dollars),
        "orchestration": dollars(made.bill.orchestration),
        "seconds": seconds(made.seconds),
        "bottleneck": made.bottleneck,
        "warnings": made.warnings,
        "lines": money.beside(None, made.bill)[:12],
    }
