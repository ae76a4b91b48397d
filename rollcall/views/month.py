"""The month on a terminal: what batches by a schedule cost with each architecture, and which is cheaper from where."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import decimals_for, dollars
from costs.month.month import PARTS
from costs.month.months import Months
from rollcall.terminal.console import plain_table

WHOLE, PER_MILLION = "the month", "per million items"


def months_in_detail(months: Months) -> Group:
    """The title, the parts side by side, the break-even, and warnings."""
    warnings = [warning for month in months.months.values() for warning in month.warnings]
    return Group(
        Text(f"\n{months.title}\n", "bold underline"),
        month_table(months),
        *(Text(f"\nCheaper with these settings: {words}.", "bold") for words in [months.verdict] if words),
        *(Text.assemble(("! ", "bold yellow"), (warning, "yellow")) for warning in dict.fromkeys(warnings)),
    )


def month_table(months: Months) -> Table:
    """A row for each part of the month and its sum, a column for each architecture."""
    titles = [ARCHITECTURE_TITLES[name] for name in months.months]
    table = plain_table("", *titles, right=tuple(titles))
    for title, cells in month_rows(months):
        table.add_row(title, *cells, style="bold" if title == WHOLE else "")
    return table


def month_rows(months: Months) -> Iterator[tuple[str, list[str]]]:
    """The rows: title, and an amount for each architecture. All amounts have as many decimals as the largest needs."""
    found = months.months.values()
    decimals = decimals_for(max(month.dollars for month in found)) + 1
    for part in PARTS:
        yield part, [dollars(month.parts[part].dollars, decimals) for month in found]
    yield WHOLE, [dollars(month.dollars, decimals) for month in found]
    yield PER_MILLION, [dollars(month.per_million) for month in found]
