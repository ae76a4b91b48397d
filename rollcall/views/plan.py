"""A plan as people read it: what it costs, how long it takes and what decides that, the time and the bill in detail."""

from collections.abc import Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from costs.facts.assumptions import Assumptions
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.format import count, dollars, seconds
from costs.plan.lift import Lifted, advice, described
from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.timing import Phase
from rollcall.target.connection import ARCHITECTURE_TITLES
from rollcall.views.plan_bill import largest_lines

BAR, BESIDE_BAR = 26, 72
NAMES = {"chunks are made": "chunks made", "chunks are processed": "processing"}


def title_of(plan: Plan) -> str:
    """What was planned, in a line."""
    workload = plan.workload
    failing = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    return f"{count(workload.items, 'item')} of {workload.values}{failing}"


def comparison(plans: Sequence[Plan], refused: Sequence[tuple[str, Impossible]]) -> Table:
    """One row for each architecture."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("", no_wrap=True)
    for header in ("dollars", "per 1M items", "orchestration", "per 1M items", "duration"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("held up by", overflow="fold")
    for plan in plans:
        orchestration = plan.bill.part(own=False)
        table.add_row(
            Text(ARCHITECTURE_TITLES[plan.architecture], "bold"),
            Text(dollars(plan.dollars), "bold"),
            dollars(plan.bill.per_million() or 0),
            dollars(orchestration.dollars),
            dollars(orchestration.per_million() or 0),
            Text(lasting(plan.seconds), "bold"),
            plan.bottleneck,
        )
    for architecture, impossible in refused:
        table.add_row(ARCHITECTURE_TITLES[architecture], "-", "-", "-", "-", "-", Text(impossible.limit, "red"))
    return table


def plan_in_detail(plan: Plan, lifted: Sequence[Lifted], quotas: Quotas, width: int) -> Group:
    """An architecture's part: warnings, what holds it up and what lifting that would bring, its time, its bill."""
    return Group(
        Text(),
        Text(ARCHITECTURE_TITLES[plan.architecture], "bold underline"),
        *(Text.assemble(("! ", "bold yellow"), (warning, "yellow")) for warning in plan.warnings),
        bottleneck(plan, lifted, quotas),
        Text(),
        timeline(plan, max(6, min(BAR, width - BESIDE_BAR))),
        Text(),
        largest_lines(plan.bill),
    )


def bottleneck(plan: Plan, lifted: Sequence[Lifted], quotas: Quotas) -> Group:
    """What decides the duration, and what comes of raising it."""
    share = plan.timing.bound_by[plan.bottleneck] / sum(plan.timing.bound_by.values())
    lines: list[Text | Table] = [
        Text.assemble("held up by ", (described(plan, quotas), "bold"), f", for {part_of(share)} of the time"),
        Text(f"  {advice(plan.bottleneck, quotas)}", "dim"),
    ]
    if lifted:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for each in lifted:
            then = f"then {each.plan.bottleneck}" if each.plan.bottleneck != plan.bottleneck else ""
            table.add_row(f"  {each.option}", lasting(each.plan.seconds), dollars(each.plan.dollars), Text(then, "dim"))
        lines.append(table)
    return Group(*lines)


def timeline(plan: Plan, width: int) -> Table:
    """Its phases over time, as bars of `width` characters."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for justify in ("left", "left", "right", "left", "left"):
        table.add_column(no_wrap=True, justify=justify)
    for phase in plan.timing.phases:
        name = NAMES.get(phase.name, phase.name)
        times = (Text(lasting(phase.start), "dim"), Text(f"to {lasting(phase.end)}", "dim"))
        table.add_row(f"{name} ", bar(phase, plan.seconds, width), *times, Text(f" {told(phase, plan)}", "dim"))
    return table


def told(phase: Phase, plan: Plan) -> str:
    """How much of what happens in a phase."""
    timing = plan.timing
    if phase.name == "chunks are made":
        return count(timing.chunks, "chunk")
    if phase.name == "chunks are processed":
        return f"up to {count(timing.concurrency)} at a time, {lasting(timing.chunk_seconds)} each"
    return ""


def part_of(share: float) -> str:
    """A share as people say it: all but nearly all is not all."""
    return "nearly all" if share > 0.99 else f"{share:.0%}"


def bar(phase: Phase, whole: float, width: int) -> Text:
    """The phase's part of the whole, as a bar; short ones have a mark at least."""
    start = min(width - 1, int(phase.start / whole * width))
    end = max(start + 1, round(phase.end / whole * width))
    return Text.assemble(("·" * start, "dim"), ("█" * (end - start), "cyan"), ("·" * (width - end), "dim"))


def basis(book: PriceBook, quotas: Quotas, assumptions: Assumptions, changed: Sequence[str]) -> Text:
    """What the figures rest on."""
    tried = f" with {', '.join(changed)}" if changed else ""
    return Text(
        f"Prices of {book.region}, {book.date}, no free tier. Durations on AWS are a model, measured nowhere: it rests "
        f"on {len(quotas.figures)} quotas of AWS{tried}, costs/facts/quotas.toml, and on "
        f"{len(assumptions.figures)} assumed latencies and CPU times, assumptions.toml beside it.",
        "dim",
    )


def lasting(duration: float) -> str:
    """A duration up to days: `3 min 20 s`, `2 h 05 min`, `6 d 08 h`."""
    if duration < 48 * 3600:
        return seconds(duration) if duration >= 0.0005 else "0 s"
    days, rest = divmod(round(duration / 3600), 24)
    return f"{days} d {rest:02} h"


def print_refusals(console: Console, refused: Sequence[tuple[str, Impossible]]) -> None:
    """Why an architecture cannot do it."""
    for architecture, impossible in refused:
        console.print(
            Text.assemble(
                "\n",
                (ARCHITECTURE_TITLES[architecture], "bold underline"),
                "\n",
                ("refused by ", "bold red"),
                (f"{impossible.limit}: ", "bold"),
                impossible.message,
            )
        )
