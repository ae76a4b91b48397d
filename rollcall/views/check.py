"""What a file of items comes to, on the terminal."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from bootstrap.printable import one_line
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, dollars, seconds
from rollcall.inputs.check import SQS, Check
from rollcall.terminal.console import print_rows, stdout
from rollcall.views.plan import PlanReport


def print_check(name: str, found: Check, costs: PlanReport | None, items_per_chunk: int) -> None:
    """Print what is in the file, what is wrong with it, and what a batch of it costs."""
    verdict = ("fine", "bold green") if found.fine else ("not fine", "bold red")
    stdout.print(Text.assemble("\n", (one_line(name), "bold"), "  ", verdict))
    print_rows(check_rows(found, costs, items_per_chunk))


def check_rows(found: Check, costs: PlanReport | None, items_per_chunk: int) -> Iterator[tuple[str, str]]:
    """Yield label and value of every row."""
    if found.reason:
        yield "cannot be read", found.reason
    if not found.items:
        if not found.reason:
            yield "items", "none: there is no item in it"
        return
    bad = max(found.bad.values())
    yield "items", count(found.items) + (f"  ({count(found.items - bad)} good, {count(bad)} bad)" if bad else "")
    longest = f", the longest {count(found.longest)} {found.source.title(found.longest_at)}" if found.longest else ""
    yield "bytes", f"{count(found.source.size)}  (as JSON {count(found.average)} an item{longest})"
    if bad:
        yield f"bad {'line' if bad == 1 else 'lines'}", "\n".join(bad_lines(found, bad))
    if found.repeated.ids:
        yield "repeated ids", "\n".join(repeated_ids(found))
    each = ", ".join(f"{name} {count(number)}" for name, number in found.chunks.items())
    chunks = count(found.chunks[SQS]) if len(set(found.chunks.values())) == 1 else each
    yield "chunks", f"{chunks}  (of {count(items_per_chunk)} items at most)"
    if costs:
        yield from cost_rows(costs)


def bad_lines(found: Check, bad: int) -> Iterator[str]:
    """Yield a line for each bad line that is listed, and one for the others."""
    for line in found.bad_lines:
        own = f" (id {line.item_id})" if line.item_id else ""
        only = f" ({line.only} only)" if line.only else ""
        text = f": {line.text}" if line.text else ""
        yield f"{found.source.title(line.place)}{own}{only}: {line.error}{text}"
    if bad > len(found.bad_lines):
        yield f"and {count(bad - len(found.bad_lines))} more: `--list {bad}` lists them"


def repeated_ids(found: Check) -> Iterator[str]:
    """Yield how many ids repeat, and a line for each that is listed."""
    repeated = found.repeated
    items = count(repeated.ids + repeated.items, "item")
    yield f"{count(repeated.ids, 'id')} of {items}; a batch processes each of these"
    for one in repeated.examples:
        first, last = found.source.title(one.first), found.source.title(one.last)
        yield f"{one.item_id}: {count(one.items)} times, first {first}, last {last}"
    if repeated.ids > len(repeated.examples):
        yield f"and {count(repeated.ids - len(repeated.examples))} more: `--list {repeated.ids}` lists them"


def cost_rows(costs: PlanReport) -> Iterator[tuple[str, str]]:
    """Yield a row for each architecture with the dollars and the duration, and one for what these rest on."""
    for name, title in ARCHITECTURE_TITLES.items():
        if plan := costs.plans.get(name):
            yield name, f"{dollars(plan.dollars)} in {seconds(plan.seconds)}  ({title})"
        else:
            yield name, f"refused by {costs.refused[name]}"
    yield "", f"on AWS, for items of {next(iter(costs.plans.values())).workload.values}" if costs.plans else ""


def costs_to_json(costs: PlanReport) -> dict[str, Any]:
    """The costs as `--json` prints them, by architecture."""
    plans = {name: {"dollars": plan.dollars, "seconds": plan.seconds} for name, plan in costs.plans.items()}
    return plans | {name: {"refused": str(reason)} for name, reason in costs.refused.items()}
