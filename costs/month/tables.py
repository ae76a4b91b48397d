"""The tables of the month that the documents show, in Markdown: items of no work and the stacks' default settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from bootstrap.stacks import ARCHITECTURE_TITLES, STACK_NAMES
from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.format import count, dollars, quantity
from costs.month.month import PARTS, batches_of
from costs.month.months import Months, months, rhythm
from costs.plan.distribution import Distribution
from costs.plan.plan import Planner
from costs.plan.settings import Settings, Workload

PER_DAY = 4.0
"""As in the user's specification."""
SIZES = (1_000, 100_000, 10_000_000)
SCHEDULES = (1 / 7, 1.0, 4.0, 24.0, 96.0)
NO_WORK = Workload(items=SIZES[0], values=Distribution.parse("constant:0"))


def tables() -> Mapping[str, str]:
    """Every table by its name."""
    return {"sizes": sizes(), "parts": parts(), "break-even": break_even()}


@cache
def months_of(items: int, per_day: float) -> Months:
    """The months of both architectures with batches of so many items."""
    planner = Planner(Quotas.load(), Assumptions.load(), PriceBook.load())
    workload = replace(NO_WORK, items=items)
    return months({name: planner(name, workload, Settings()) for name in STACK_NAMES}, per_day, planner)


def sizes() -> str:
    """The dollars of a month by the size of a batch, and which architecture is cheaper."""
    found = [months_of(items, PER_DAY) for items in SIZES]
    head = [f"dollars a month, {rhythm(PER_DAY)}, no work", *(f"{short(items)} items each" for items in SIZES)]
    rows = [
        [f"**Rollcall, {title}**", *(dollars(each.months[name].dollars, 2) for each in found)]
        for name, title in ARCHITECTURE_TITLES.items()
    ]
    return f"{table(head, rows)}\n\nCheaper with {rhythm(PER_DAY)}: {found[0].verdict}."


def parts() -> str:
    """The parts of the same months."""
    columns = [(items, name) for items in SIZES for name in STACK_NAMES]
    found = [months_of(items, PER_DAY).months[name] for items, name in columns]
    head = ["", *(f"{short(items)}, `{name}`" for items, name in columns)]
    rows = [[part, *(dollars(month.parts[part].dollars, 3) for month in found)] for part in PARTS]
    rows.append(["**the month**", *(dollars(month.dollars, 3) for month in found)])
    rows.append(["a million items", *(dollars(month.per_million) for month in found)])
    return table(head, rows)


def break_even() -> str:
    """By schedule, the sizes of batches for which each architecture is cheaper."""
    found = [months_of(SIZES[0], per_day) for per_day in SCHEDULES]
    rows = [[rhythm(each.per_day), each.verdict, items_a_month(each)] for each in found]
    return table(["schedule", "cheaper", "items a month there"], rows)


def items_a_month(found: Months) -> str:
    """The items of a month at the first size from which another architecture is cheaper; a dash if none is."""
    if len(found.stretches) == 1:
        return "-"
    return quantity(round(found.stretches[1].first * batches_of(found.per_day), -4))


def short(items: int) -> str:
    """A number of items: `100,000`, `10 million`."""
    return count(items) if items % 1_000_000 else f"{items // 1_000_000} million"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    head = list(head)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def lines_of(text: str) -> Iterator[str]:
    """The lines of a document with every table between its marks, `<!-- month: NAME -->` and `<!-- end -->`, anew.

    Raises KeyError for a name that no table has.
    """
    inside = False
    for line in text.splitlines():
        if inside and line != END:
            continue
        inside = False
        yield line
        if line.startswith(BEGIN):
            yield tables()[line.removeprefix(BEGIN).removesuffix(" -->")]
            inside = True


BEGIN, END = "<!-- month: ", "<!-- end -->"
