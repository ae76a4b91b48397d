"""A study and its confirmations on the terminal and as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.facts.prices import PriceBook
from costs.format import dollars, quantity, seconds
from costs.plan.plan import Plan
from costs.tune.confirmation import Confirmation
from costs.tune.pareto import thinned
from costs.tune.stack_parameters import in_sandbox, parameters, settings_line
from costs.tune.study import Study, comparisons, headline
from rollcall.terminal.console import plain_table, print_table, stdout
from rollcall.views.month import months_in_detail

ROWS = 12


def print_study(study: Study, console: Console = stdout) -> None:
    """The recommendation, its parameters, the front, and the cost by item concurrency."""
    counts = f"{len(study.result.tried):,} plans tried; {study.result.impossible:,} more are impossible"
    lines = [
        Text(f"\n{study.aim}", "dim"),
        Text(headline(study), "bold"),
        *(Text(sentence, "dim") for sentence in comparisons(study)),
        Text("\nstack parameters"),
        *(Text(f"  {name}={value}") for name, value in parameters(study.best).items()),
        *(Text.assemble(("! ", "bold yellow"), (warning, "yellow")) for warning in study.best.warnings),
        Text.assemble("\nPareto front ", (f"(of {counts})", "dim")),
    ]
    for line in lines:
        console.print(line, soft_wrap=True)
    console.print(front_table(study))
    if any(len(plans) > 1 for plans in study.by_item_concurrency.values()):
        console.print("\ndollars per million items, by items in parallel [dim](for code that waits)[/]")
        console.print(item_concurrency_table(study))
    if study.months:
        console.print(months_in_detail(study.months))


def front_table(study: Study) -> Table:
    """The Pareto front of both architectures, cheapest first, and each architecture's best plan."""
    cost = "dollars\na month" if study.months else "dollars"
    columns = ("items per\nchunk", "items in\nparallel", "BatchSize,\nchildren", "processors\nat a time", "MB")
    table = plain_table("", cost, "duration", "", *columns, right=(cost, "duration", *columns))
    # The recommendation comes first, so that it is kept of plans with equal rows.
    shown = [study.best, *thinned(study.result.front, ROWS, study.best), *study.chosen.values()]
    rows = {cells(plan): plan for plan in reversed(shown)}
    front = {id(plan) for plan in study.result.front}
    for row, plan in sorted(rows.items(), key=lambda item: (item[1].cost, item[1].seconds)):
        mark = "[green]→[/]" if plan is study.best else " " if id(plan) in front else "[dim]·[/]"
        table.add_row(mark, *row, style="" if study.request.meets(plan) else "dim")
    return table


def cells(plan: Plan) -> tuple[str, ...]:
    """The plan's row."""
    settings = plan.settings
    return (
        dollars(plan.cost),
        seconds(plan.seconds),
        plan.architecture,
        f"{settings.items_per_chunk:,}",
        str(settings.item_concurrency),
        str(settings.batch_size) if plan.architecture == "sqs" else settings.child_type,
        f"{settings.max_concurrency:,}" if settings.pollers is None else f"{settings.pollers:,} pollers",
        f"{settings.processor_memory:,}",
    )


def item_concurrency_table(study: Study) -> Table:
    """Dollars per million items: a row for each architecture, a column for each item concurrency."""
    numbers = sorted({number for plans in study.by_item_concurrency.values() for number in plans})
    table = plain_table("in parallel", *map(str, numbers), right=tuple(map(str, numbers)))
    for name, plans in study.by_item_concurrency.items():
        costs = {number: dollars(plan.bill.per_million() or 0.0) for number, plan in plans.items()}
        table.add_row(ARCHITECTURE_TITLES[name], *(costs.get(number, "-") for number in numbers))
    return table


def print_end(study: Study, applied: bool, basis: Text, search_seconds: float, report: Path | None) -> None:
    """The parameters that were applied to the sandbox, the figures behind the plans, and the report's name."""
    if applied:
        stdout.print("\n[green]✓[/] both stacks of the sandbox have these parameters, and defaults for all others")
        for sentence in in_sandbox(study.best)[1]:
            stdout.print(Text.assemble(("  left out: ", "yellow"), sentence), soft_wrap=True)
    stdout.print()
    stdout.print(basis)
    stdout.print(f"[dim]{len(study.result.tried):,} plans in {seconds(search_seconds)}[/]")
    if report:
        stdout.print(f"report: {report}", markup=False, soft_wrap=True)


def print_confirmations(confirmations: Sequence[Confirmation]) -> None:
    """The units of each small batch, planned and counted, and what the batches would cost on AWS."""
    for confirmation in confirmations:
        plan = confirmation.plan
        stdout.print(
            f"\n[bold]{ARCHITECTURE_TITLES[plan.architecture]}[/]: {plan.workload.items:,} items in the sandbox, "
            f"batch {confirmation.batch_id}  [dim]{settings_line(plan)}[/]",
            soft_wrap=True,
        )
        table = plain_table("unit", "plan", "bounds", "counted", "", right=("plan", "bounds", "counted"))
        for unit in confirmation.units:
            bounds = f"{quantity(unit.low)} to {quantity(unit.high)}" if unit.low != unit.high else ""
            mark = "[green]✓[/]" if unit.fits else "[red]differs[/]"
            table.add_row(unit.unit, quantity(unit.planned), bounds, quantity(unit.counted), mark)
        planned, counted = (dollars(bill.per_million() or 0.0) for bill in (confirmation.planned, confirmation.counted))
        table.add_row("dollars per million items", planned, "", counted, "", style="bold")
        print_table(table)
    cost = dollars(sum(confirmation.plan.dollars for confirmation in confirmations))
    stdout.print(
        "[dim]Only units that the protocol decides are compared: durations here are this machine's. By the plan, these "
        f"batches would cost {cost} on AWS.[/]",
        soft_wrap=True,
    )


def tune_json(
    study: Study, confirmations: Sequence[Confirmation], applied: bool, book: PriceBook, search_seconds: float
) -> dict[str, Any]:
    """All that `--json` prints."""
    answer = study_json(study)
    if confirmations:
        cost = sum(confirmation.plan.dollars for confirmation in confirmations)
        batches = [confirmation.to_json() for confirmation in confirmations]
        answer["confirmed"] = {"batches": batches, "onAwsDollars": cost}
    if applied:
        parameters, left_out = in_sandbox(study.best)
        answer["applied"] = {"parameters": parameters, "leftOut": left_out}
    answer["prices"] = {"region": book.region, "date": str(book.date), "freeTier": book.free_tier}
    return answer | {"searchSeconds": round(search_seconds, 3)}


def study_json(study: Study) -> dict[str, Any]:
    """The study as JSON."""
    return {
        "objective": study.request.objective,
        "deadlineSeconds": study.request.deadline_seconds,
        "items": study.best.workload.items,
        "best": plan_json(study.best) | {"plan": study.best.bill.to_json()},
        "architectures": {
            name: plan_json(plan) | {"meets": study.request.meets(plan)} for name, plan in study.chosen.items()
        },
        "front": [plan_json(plan) for plan in study.result.front],
        "tried": len(study.result.tried),
        "impossible": study.result.impossible,
        "itemConcurrency": {
            name: [{"itemConcurrency": n, "perMillionItems": plan.bill.per_million()} for n, plan in plans.items()]
            for name, plans in study.by_item_concurrency.items()
        },
        **(study.months.to_json() if study.months else {}),
    }


def plan_json(plan: Plan) -> dict[str, Any]:
    """A plan without its bill's lines."""
    whole = plan.to_json()
    short = {name: whole[name] for name in ("architecture", "dollars", "seconds", "bottleneck", "settings", "warnings")}
    return short | {
        "perMillionItems": plan.bill.per_million(),
        "orchestrationPerMillionItems": plan.bill.part(own=False).per_million(),
        "parameters": parameters(plan),
    }
