"""The costs as tables for people, as Markdown, and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bench.cost.figures import Cost, Goal, goals
from bench.report import VERDICTS
from costs.bill import SERVICES
from costs.facts.prices import PriceBook
from costs.format import count, dollars, seconds

HEADERS = ("", "orchestration", "x SQS", "in all", "lag", "API calls per item", "items")
LINES = 6


def pass_title(max_value: int) -> str:
    """The title of a pass."""
    return f"work that waits 0 to {max_value} ms an item" if max_value else "no work"


def lag(cost: Cost) -> str:
    """`0.12 s`. If a way polls for its end, the average lag of that on AWS: `150 s †`."""
    return f"{cost.poll_seconds / 2:g} s †" if cost.poll_seconds else seconds(cost.lag)


def polled(costs: Sequence[Cost]) -> str:
    """The note for the dagger."""
    return "".join(
        f"\n† not measured: {cost.title} is asked every {cost.poll_seconds} s on AWS; half of that on average, all of "
        "it at worst."
        for cost in costs
        if cost.poll_seconds
    )


def ratio(cost: Cost, costs: Sequence[Cost]) -> str:
    """The way's orchestration as a multiple of that of Rollcall's SQS architecture."""
    [sqs] = [way for way in costs if way.key == "sqs"]
    times = cost.orchestration / sqs.orchestration
    return f"{times:,.0f}" if times >= 10 else f"{times:.1f}"


def way_rows(costs: Sequence[Cost]) -> list[list[str]]:
    """A row for each way, under HEADERS."""
    return [
        [
            cost.title,
            dollars(cost.orchestration),
            ratio(cost, costs),
            dollars(cost.in_all),
            lag(cost),
            f"{cost.calls_per_item:.3g}",
            count(cost.items),
        ]
        for cost in costs
    ]


def service_rows(costs: Sequence[Cost]) -> list[list[str]]:
    """A row for each service in any way's orchestration, a column for each way."""
    split = [cost.by_service() for cost in costs]
    return [
        [service, *(dollars(services.get(service, 0.0)) for services in split)]
        for service in SERVICES.values()
        if any(service in services for services in split)
    ]


def service_headers(costs: Sequence[Cost]) -> list[str]:
    """The headers of `service_rows`."""
    return ["orchestration", *(cost.short for cost in costs)]


def goal_rows(judged: Sequence[Goal]) -> list[list[str]]:
    """A row for each goal, with the measured value."""
    return [
        [
            goal.name,
            f"{goal.value:,.0f} x" if goal.ratio else dollars(goal.value),
            f"≥ {goal.bound:g} x" if goal.ratio else f"< {dollars(goal.bound)}",
            "met" if goal.met else "missed",
        ]
        for goal in judged
    ]


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table for a Rich console, with numbers aligned to the right."""
    drawn = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        drawn.add_column(header, justify="right" if index else "left", no_wrap=index < 2)
    for row in rows:
        drawn.add_row(*(VERDICTS[cell == "met"] if cell in ("met", "missed") else cell for cell in row))
    return drawn


def report(passes: Mapping[int, Sequence[Cost]], book: PriceBook, note: str) -> Group:
    """Every pass; the split by service and the goals of the first one. `note` names the machine and the time."""
    parts: list[Any] = []
    for max_value, costs in passes.items():
        parts += ["", Text(pass_title(max_value), "bold cyan"), table(HEADERS, way_rows(costs))]
    first = next(iter(passes.values()))
    parts += ["", table(service_headers(first), service_rows(first))]
    for cost in first[:2]:
        largest = [[name, dollars(amount)] for name, amount in cost.by_line()[:LINES]]
        parts += ["", table([f"largest lines, {cost.title}", ""], largest)]
    parts += ["", table(["goal", "measured", "wanted", ""], goal_rows(goals(first)))]
    sizes = f"dollars per million items, in batches of {count(first[0].items)} within one hour"
    return Group(*parts, Text(f"\n{sizes}\nprices: {book.region}, {book.date}; {note}{polled(first)}", "dim"))


def markdown(passes: Mapping[int, Sequence[Cost]]) -> str:
    """The same tables for docs/costs.md."""
    parts = [f"**{pass_title(value)}**\n\n{grid(HEADERS, way_rows(costs))}" for value, costs in passes.items()]
    first = next(iter(passes.values()))
    parts.append(grid(service_headers(first), service_rows(first)))
    parts.append(polled(first).strip())
    parts.append(grid(["goal", "measured", "wanted", ""], goal_rows(goals(first))))
    return "\n\n".join(parts) + "\n"


def grid(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    rule = ["---", *["---:"] * (len(headers) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (headers, rule, *rows))


def to_json(passes: Mapping[int, Sequence[Cost]], book: PriceBook, machine: dict[str, Any]) -> dict[str, Any]:
    """All of it as one object. Dollars are per million items, except in the bills."""
    first = next(iter(passes.values()))
    return {
        "machine": machine,
        "prices": {"region": book.region, "date": book.date.isoformat()},
        "passes": [
            {"maxValue": max_value, "ways": [cost.to_json() for cost in costs]} for max_value, costs in passes.items()
        ],
        "goals": [goal.to_json() for goal in goals(first)],
    }
