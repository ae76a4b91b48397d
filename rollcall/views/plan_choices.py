"""Break-even points and alternatives as tables."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group
from rich.table import Table
from rich.text import Text

from costs.format import count, dollars
from costs.plan.alternatives import Alternative
from costs.plan.breakeven import BreakEven, Stretch


def break_even_table(found: Sequence[BreakEven]) -> Group:
    """Who is cheaper from where to where, everything else as planned."""
    parts: list[Text | Table] = [Text("\nBreak-even, by the whole bill", "bold underline")]
    for sides, same in groupby(found, lambda each: each.sides):
        parts.append(Text(" or ".join(sides)))
        table = Table.grid(padding=(0, 3, 0, 0))
        for width in (18, 8, 14, 0):
            table.add_column(min_width=width, no_wrap=True)
        for each in same:
            for number, stretch in enumerate(each.stretches):
                start, end = edges(stretch, each.axis)
                axis = "" if number else AXES[each.axis]
                table.add_row(f"  {axis}", start, f"to {end}", cheaper(stretch))
        parts.append(table)
    return Group(*parts)


def cheaper(stretch: Stretch) -> Text:
    """Who is cheaper there."""
    if not stretch.cheaper:
        return Text("impossible either way", "dim")
    return Text.assemble((stretch.cheaper, "bold"), (", the other is impossible" if stretch.only else "", "dim"))


AXES = {"items": "items in the batch", "work": "work of an item"}


def edges(stretch: Stretch, axis: str) -> tuple[str, str]:
    """From and to, to two digits: a crossing is known no better than the plan is."""
    start, end = (float(f"{edge:.2g}") for edge in (stretch.start, stretch.end))
    if axis == "items":
        return count(start), count(end)
    return tuple(f"{edge / 1000:g} s" if edge >= 1000 else f"{edge:g} ms" for edge in (start, end))  # type: ignore[return-value]


def alternatives_table(found: Sequence[Alternative]) -> Group:
    """What else it could be done with, what that would cost, and what it would have to live with."""
    table = heads("alternative", "dollars", "orchestration", "its limits")
    for each in found:
        amounts = ("-", "-") if each.refused else (dollars(each.bill.dollars), dollars(each.bill.orchestration))
        limits = [*([f"refused by {each.refused}"] if each.refused else []), *each.limits]
        table.add_row(each.title, *amounts, Text("\n".join(limits), "dim"))
    return Group(Text("\nAlternatives, which are not built here", "bold underline"), table)


def heads(*names: str) -> Table:
    """An empty table with these columns."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table
