"""A study on the terminal, and as JSON."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from costs.format import dollars, quantity, seconds
from costs.plan.plan import camel_case
from costs.tune import words
from costs.tune.axes import brief
from costs.tune.front import thinned
from costs.tune.planned import Planned, per_million
from costs.tune.stack_parameters import parameters
from costs.tune.study import Study
from rollcall.commands.tune_confirm import Confirmation
from rollcall.terminal.console import stdout

ROWS = 12


def print_study(study: Study) -> None:
    """The recommendation, its parameters, the front, and the lever."""
    best = study.best
    stdout.print(f"\n[dim]{words.AIMS[study.objective]} within {brief(study.deadline_seconds)}[/]")
    stdout.print(Text(words.headline(study), "bold"), soft_wrap=True)
    for sentence in (f"held up by {best.bottleneck}", words.comparison(study), words.against_defaults(study)):
        if sentence:
            stdout.print(Text(sentence, "dim"), soft_wrap=True)
    stdout.print("\nstack parameters")
    for name, value in parameters(best).items():
        stdout.print(Text(f"  {name}={value}"), soft_wrap=True)
    for warning in best.warnings:
        stdout.print(Text.assemble(("! ", "bold yellow"), (warning, "yellow")), soft_wrap=True)
    stdout.print(
        f"\nworth choosing from [dim](of {len(study.found.tried):,} plans tried; {study.found.impossible:,} more are "
        "impossible)[/]",
        soft_wrap=True,
    )
    stdout.print(front_table(study))
    if any(len(curve) > 1 for curve in study.lever.values()):
        stdout.print(
            "\ndollars per million items, by the items of a chunk processed at a time [dim](work that waits)[/]"
        )
        stdout.print(lever_table(study))


def front_table(study: Study) -> Table:
    """The Pareto front of both architectures, cheapest first, and each one's own best."""
    columns = ("items per\nchunk", "items at\na time", "BatchSize,\nchildren", "processors\nat a time", "MB")
    table = plain_table("", "dollars", "duration", "", *columns, right=("dollars", "duration", *columns))
    # The recommendation first: of rows that read alike it is the one that is kept.
    shown = [study.best, *thinned(study.found.front, ROWS, study.best), *study.chosen.values()]
    rows = {cells(plan): plan for plan in reversed(shown)}
    front = {id(plan) for plan in study.found.front}
    for row, plan in sorted(rows.items(), key=lambda item: (item[1].dollars, item[1].seconds)):
        mark = "[green]→[/]" if plan is study.best else " " if id(plan) in front else "[dim]·[/]"
        table.add_row(mark, *row, style="" if study.meets(plan) else "dim")
    return table


def cells(plan: Planned) -> tuple[str, ...]:
    """A plan's row."""
    settings = plan.settings
    return (
        dollars(plan.dollars),
        seconds(plan.seconds),
        plan.architecture,
        f"{settings.items_per_chunk:,}",
        str(settings.item_concurrency),
        str(settings.batch_size) if plan.architecture == "sqs" else settings.child_type,
        f"{settings.max_concurrency:,}" if settings.pollers is None else f"{settings.pollers:,} pollers",
        f"{settings.processor_memory:,}",
    )


def lever_table(study: Study) -> Table:
    """Dollars per million items: a row an architecture, a column a number of items at a time."""
    numbers = sorted({number for curve in study.lever.values() for number, _ in curve})
    table = plain_table("at a time", *map(str, numbers), right=tuple(map(str, numbers)))
    for name, curve in study.lever.items():
        costs = {number: dollars(per_million(plan)) for number, plan in curve}
        table.add_row(words.TITLES[name], *(costs.get(number, "-") for number in numbers))
    return table


def print_confirmations(found: Iterable[Confirmation]) -> None:
    """Plan beside count, and what the same batches would cost on AWS."""
    found = list(found)
    for each in found:
        stdout.print(
            f"\n[bold]{words.TITLES[each.of.architecture]}[/]: {each.scaled.workload.items:,} items in the sandbox, "
            f"batch {each.result.batch_id}  [dim]{words.settings_line(each.scaled)}[/]",
            soft_wrap=True,
        )
        table = plain_table("unit", "plan", "bounds", "counted", "", right=("plan", "bounds", "counted"))
        for unit in each.units:
            bounds = f"{quantity(unit.low)} to {quantity(unit.high)}" if unit.low != unit.high else ""
            mark = "[green]✓[/]" if unit.fits else "[red]differs[/]"
            table.add_row(unit.unit, quantity(unit.planned), bounds, quantity(unit.counted), mark)
        per = [dollars(bill.per_million() or 0.0) for bill in (each.planned, each.counted)]
        table.add_row("dollars per million items", per[0], "", per[1], "", style="bold")
        stdout.print(table)
    cost = dollars(sum(each.scaled.dollars for each in found))
    stdout.print(
        f"[dim]Compared is what the protocol decides; times here are this machine's. On AWS these batches would "
        f"cost {cost}, by the plan.[/]",
        soft_wrap=True,
    )


def plain_table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without lines."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return table


def study_json(study: Study) -> dict[str, Any]:
    """All of a study but the curves that only the report shows."""
    return {
        "objective": study.objective,
        "deadlineSeconds": study.deadline_seconds,
        "items": study.workload.items,
        "best": brief_json(study.best) | {"plan": study.best.bill.to_json()},
        "architectures": {name: brief_json(plan) | {"meets": study.meets(plan)} for name, plan in study.chosen.items()},
        "front": [brief_json(plan) for plan in study.found.front],
        "tried": len(study.found.tried),
        "impossible": study.found.impossible,
        "itemConcurrency": {
            name: [{"itemConcurrency": number, "perMillionItems": per_million(plan)} for number, plan in curve]
            for name, curve in study.lever.items()
        },
    }


def brief_json(plan: Planned) -> dict[str, Any]:
    """A plan in short."""
    return {
        "architecture": plan.architecture,
        "dollars": plan.dollars,
        "seconds": plan.seconds,
        "bottleneck": plan.bottleneck,
        "perMillionItems": per_million(plan),
        "orchestrationPerMillionItems": plan.bill.part(own=False).per_million(),
        "parameters": parameters(plan),
        "settings": camel_case(asdict(plan.settings)),
        "warnings": list(plan.warnings),
    }
