"""A bill as a table for people: what, how much, at which price, dollars."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from costs.bill import Bill, Line, service_of
from costs.facts.prices import Price, PriceBook
from costs.format import decimals_for, dollars, quantity

# With less the column of dollars per million items is left out; its sums stand below in any case.
WIDE = 100
# Fewer lines of the same kind are one, whichever function they are of.
type Kind = tuple[str, str, str]

PACKS = {1: "", 1_000_000: " / 1M", 3_600: " / GB-hour", 1_073_741_824: " / GB"}


class Notes:
    """How lines were derived, numbered from 1; the same words once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        """What stands behind a line with that note: ` [1]`."""
        if not note:
            return ""
        return f" [{self._numbers.setdefault(note, len(self._numbers) + 1)}]"

    def table(self) -> Table:
        """The notes by number."""
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(style="dim")
        for note, number in self._numbers.items():
            table.add_row(f"  [{number}]".replace("[", r"\["), Text(note))
        return table


def bill_tables(sections: Sequence[tuple[str, Bill]], book: PriceBook, width: int, notes: Notes) -> Group:
    """The sections of a bill one under the other, amounts in line; `width` is the terminal's, in characters."""
    decimals = decimals_for(max(bill.dollars for _, bill in sections)) + 1
    items = sections[0][1].items
    wide = width >= WIDE and items is not None and items > 0
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("")
    for header in ("quantity", "price", "dollars", *(["per 1M items"] if wide else [])):
        table.add_column(header, justify="right", no_wrap=True)
    for number, (title, bill) in enumerate(sections):
        if number:
            table.add_row()
        add_section(table, title, bill, book, decimals, wide, notes)
    return Group(table)


def add_section(table: Table, title: str, bill: Bill, book: PriceBook, decimals: int, wide: bool, notes: Notes) -> None:
    """The section's sum, then its services with their lines."""

    def amounts(part: Bill) -> list[str]:
        each = part.per_million()
        return [dollars(part.dollars, decimals), *([dollars(each, 4) if each is not None else "-"] if wide else [])]

    table.add_row(Text(title, "bold"), "", "", *(Text(amount, "bold") for amount in amounts(bill)))
    services: defaultdict[str, list[Line]] = defaultdict(list)
    for line in bill.lines:
        services[service_of(line.usage.price)].append(line)
    for service in bill.by_service():
        lines = services[service]
        table.add_row(Text(f"  {service}", "cyan"), "", "", *amounts(Bill(tuple(lines), bill.items)), style="")
        for (price_id, what, note), same in merged(lines).items():
            price = book.price(price_id)
            total, cost = sum(line.usage.quantity for line in same), sum(line.dollars for line in same)
            table.add_row(
                Text(f"    {what}{notes.mark(note)}", "dim"),
                Text(counted(total, price), "dim"),
                Text(charged(price, total, cost), "dim"),
                *(Text(amount, "dim") for amount in amounts(Bill(tuple(same), bill.items))),
            )


def merged(lines: Iterable[Line]) -> dict[Kind, list[Line]]:
    """Lines of one kind together, in their order."""
    found: defaultdict[Kind, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.usage.price, line.usage.what, line.usage.note].append(line)
    return dict(found)


def counted(total: float, price: Price) -> str:
    """`14 requests`, `3.12 GB-seconds`."""
    return f"{quantity(total)} {price.unit}{'' if total == 1 else 's'}"


def charged(price: Price, total: float, cost: float) -> str:
    """The price that applied, on average where several tiers did: `$0.40 / 1M`."""
    first = price.tiers[0].usd
    paid = cost / total * price.per if total else first
    usd = first if abs(paid - first) <= first * 1e-9 else paid
    text = f"{usd:.10f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents:0<2}{PACKS.get(round(price.per), f' / {price.per:,g}')}"
