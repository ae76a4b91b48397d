"""A plan on the terminal and as JSON: what a batch costs, how long it takes, and what decides that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds
from costs.idle import idle_bill
from costs.month.months import Months
from costs.plan.alternatives import Alternative
from costs.plan.bottleneck import advice, described
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.timing import Phase
from rollcall.terminal.console import plain_table, print_table, stdout
from rollcall.views.bill import largest_lines
from rollcall.views.month import months_in_detail

# Characters of a phase's bar, and of the rest of its line.
BAR, BESIDE_BAR = 26, 72
PHASE_NAMES = {"chunks are made": "chunks made", "chunks are processed": "processing"}


@dataclass(kw_only=True)
class PlanReport:
    """A batch's plans, and the limits that refuse it, by architecture. `quotas` are the NAME=VALUE entries given."""

    planner: Planner
    quotas: Sequence[str]
    plans: dict[str, Plan] = field(default_factory=dict)
    refused: dict[str, Impossible] = field(default_factory=dict)
    alternatives: list[Alternative] | None = None
    months: Months | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it, with the figures that the plans rest on."""
        planner, found = self.planner, self.alternatives
        return {
            "plans": [plan.to_json() for plan in self.plans.values()],
            "refused": [
                {"architecture": architecture, "limit": impossible.limit, "message": impossible.message}
                for architecture, impossible in self.refused.items()
            ],
            **({"alternatives": [alternative.to_json() for alternative in found]} if found is not None else {}),
            **(self.months.to_json() if self.months else {}),
            "prices": {
                "region": planner.book.region,
                "date": str(planner.book.date),
                "freeTier": planner.book.free_tier,
            },
            "quotas": {figure.name: figure.value for figure in planner.quotas.figures},
            "assumptions": {figure.name: figure.value for figure in planner.assumptions.figures},
        }


def print_plans(report: PlanReport) -> None:
    """Print the plans side by side, then each in detail, and the figures that they rest on."""
    plans = report.plans.values()
    workload = next(iter(plans)).workload
    failing = f", {workload.fail_rate:.2%} of them failing" if workload.fail_rate else ""
    stdout.print(Text(f"\n{count(workload.items, 'item')} of {workload.values}{failing}\n", "bold"))
    print_table(comparison(report))
    for plan in plans:
        stdout.print(plan_in_detail(plan, report.planner, stdout.width))
    for architecture, impossible in report.refused.items():
        stdout.print(Text(f"\n{ARCHITECTURE_TITLES[architecture]}", "bold underline"))
        reason = (("refused by ", "bold red"), (f"{impossible.limit}: ", "bold"), impossible.message)
        stdout.print(Text.assemble(*reason))
    if report.months:
        stdout.print(months_in_detail(report.months))
    if report.alternatives is not None:
        stdout.print(alternatives_table(report.alternatives))
    stdout.print()
    stdout.print(basis(report.planner, report.quotas))


def comparison(report: PlanReport) -> Table:
    """A row for each architecture, refused ones too."""
    amounts = ("dollars", "per 1M items", "orchestration", "per 1M", "duration")
    table = plain_table("", *amounts, right=amounts)
    for plan in report.plans.values():
        orchestration = plan.bill.part(own=False)
        table.add_row(
            Text(ARCHITECTURE_TITLES[plan.architecture], "bold"),
            Text(dollars(plan.dollars), "bold"),
            dollars(plan.bill.per_million() or 0),
            dollars(orchestration.dollars),
            dollars(orchestration.per_million() or 0),
            Text(seconds(plan.seconds), "bold"),
        )
    for architecture in report.refused:
        table.add_row(ARCHITECTURE_TITLES[architecture], *["-"] * 4, Text("refused", "red"))
    return table


def plan_in_detail(plan: Plan, planner: Planner, width: int) -> Group:
    """One architecture's warnings, bottleneck, phases and bill, `width` characters wide."""
    share = plan.timing.bound_by[plan.bottleneck] / sum(plan.timing.bound_by.values())
    part = "nearly all" if share > 0.99 else f"{share:.0%}"
    idle = idle_bill(plan.architecture, planner.book, pollers=plan.settings.pollers or 0)
    return Group(
        Text(f"\n{ARCHITECTURE_TITLES[plan.architecture]}", "bold underline"),
        *(Text.assemble(("! ", "bold yellow"), (warning, "yellow")) for warning in plan.warnings),
        Text.assemble("held up by ", (described(plan, planner.quotas), "bold"), f", for {part} of the time"),
        Text(f"  {advice(plan.bottleneck, planner.quotas)}", "dim"),
        Text.assemble("at rest, a month: ", (dollars(idle.dollars), "bold"), ", whether batches run or not\n"),
        timeline(plan, max(6, min(BAR, width - BESIDE_BAR))),
        Text(),
        largest_lines(plan.bill, planner.book),
    )


def timeline(plan: Plan, width: int) -> Table:
    """The phases of the plan over time, with bars of `width` characters."""
    timing = plan.timing
    details = {
        "chunks are made": count(timing.chunks, "chunk"),
        "chunks are processed": f"up to {count(timing.concurrency)} at a time, {seconds(timing.chunk_seconds)} each",
    }
    table = Table.grid(padding=(0, 1, 0, 0))
    for justify in ("left", "left", "right", "left"):
        table.add_column(no_wrap=True, justify=justify)
    table.add_column()
    for phase in timing.phases:
        times = (Text(seconds(phase.start), "dim"), Text(f"to {seconds(phase.end)}", "dim"))
        detail = Text(details.get(phase.name, ""), "dim")
        table.add_row(f"{PHASE_NAMES.get(phase.name, phase.name)} ", bar(phase, plan.seconds, width), *times, detail)
    return table


def bar(phase: Phase, whole: float, width: int) -> Text:
    """The phase's part of the whole duration as a bar, at least one character long."""
    start = min(width - 1, int(phase.start / whole * width))
    end = max(start + 1, round(phase.end / whole * width))
    return Text.assemble(("·" * start, "dim"), ("█" * (end - start), "cyan"), ("·" * (width - end), "dim"))


def alternatives_table(alternatives: Sequence[Alternative]) -> Group:
    """The alternatives' prices and limits."""
    columns = ("alternative", "dollars", "orchestration", "its limits")
    table = plain_table(*columns, fold=columns)
    for found in alternatives:
        amounts = ("-", "-") if found.refused else (dollars(found.bill.dollars), dollars(found.bill.orchestration))
        limits = [*([f"refused by {found.refused}"] if found.refused else []), *found.limits]
        table.add_row(found.title, *amounts, Text("\n".join(limits), "dim"))
    return Group(Text("\nAlternatives, which are not built here", "bold underline"), table)


def basis(planner: Planner, quotas: Sequence[str]) -> Text:
    """The sentence about the figures that a plan rests on; `quotas` are the NAME=VALUE entries given."""
    book, changed = planner.book, f" with {', '.join(quotas)}" if quotas else ""
    free = "with the free tier" if book.free_tier else "without free tier"
    return Text(
        f"Prices of {book.region}, {book.date}, {free}. Durations on AWS are a model, not a measurement. It "
        f"rests on {len(planner.quotas.figures)} quotas of AWS{changed}, costs/facts/quotas.toml, and on "
        f"{len(planner.assumptions.figures)} assumptions, assumptions.toml beside it.",
        "dim",
    )
