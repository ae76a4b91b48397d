"""Bills on a terminal: every line with quantity, price and dollars, and a planned bill's largest lines."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill, Line, service_of
from costs.facts.prices import Price, PriceBook
from costs.format import count, decimals_for, dollars, per_million, quantity
from costs.usage import GB_SECONDS, Usage
from rollcall.batches.batch import Result
from rollcall.terminal.console import plain_table, stdout

WIDE = 100
"""On a narrower terminal there is no column of dollars per million items; its sums are below in any case."""
LEAST_SHARE = 0.01
"""Smaller parts of the orchestration are not listed in a plan."""
BY_THE_HOUR = "by the hour, for all batches"
HOURS = "metrics, in each hour in which batches run"
AT_REST = "a month for the stack, whether batches run or not"
PACKS = {1: "", 1_000_000: " / 1M", 3_600: " / GB-hour", 1_073_741_824: " / GB"}


class Notes(dict[str, int]):
    """How lines were derived, numbered from 1; the same words once."""

    def mark(self, note: str) -> str:
        """The mark behind a line with that note: ` [1]`."""
        return f" [{self.setdefault(note, len(self) + 1)}]" if note else ""

    def table(self) -> Table:
        """The notes by number."""
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(style="dim")
        for note, number in self.items():
            table.add_row(Text(f"  [{number}]"), Text(note))
        return table


def print_bill(result: Result, bill: Bill, idle: Bill, book: PriceBook, child_type: str) -> None:
    """Print both parts of the batch's bill, its sums, what its stack costs at rest, and how lines were derived."""
    notes = Notes()
    generations = f", {result.generation} generations" if result.generation > 1 else ""
    still_open = ", so far, because it still runs" if result.status == "OPEN" else ""
    title = f"  {ARCHITECTURE_TITLES[result.architecture]}, {count(bill.items, 'item')}{generations}{still_open}"
    batch, hours = bill.split_by_the_hour()
    parts = [("orchestration", batch.part(own=False)), ("your code", batch.part(own=True))]
    if hours.lines:
        parts.append((BY_THE_HOUR, hours))
    stdout.print(Text.assemble("\nBatch ", (result.batch_id, "bold"), title), soft_wrap=True)
    for shown in (
        bill_tables(parts, book, stdout.width, notes),
        sums(bill),
        Text(f"and at rest {dollars(idle.dollars)} {AT_REST}", "bold"),
        bill_tables([("at rest, a month", idle)], book, stdout.width, notes),
        Group(Text("not counted here but derived", "dim"), notes.table()),
        Text(basis(bill, result, book, child_type), "dim"),
    ):
        stdout.print()
        stdout.print(shown)


def bill_tables(sections: Sequence[tuple[str, Bill]], book: PriceBook, width: int, notes: Notes) -> Table:
    """The sections of a bill one under the other, amounts in line; `width` is the terminal's, in characters."""
    decimals = decimals_for(max(bill.dollars for _, bill in sections)) + 1
    amounts = ("dollars", "per 1M items") if width >= WIDE and sections[0][1].per_million_if_enough() else ("dollars",)
    table = plain_table("", "quantity", "price", *amounts, right=("quantity", "price", *amounts), fold=("",))

    def add(words: Text, indent: int, part: Bill, style: str, amount: str = "", price: str = "") -> None:
        rate = part.per_million()
        sums = (dollars(part.dollars, decimals), "-" if rate is None else dollars(rate, 4))[: len(amounts)]
        table.add_row(Padding(words, (0, 0, 0, indent)), *(Text(cell, style) for cell in (amount, price, *sums)))

    for number, (title, bill) in enumerate(sections):
        if number:
            table.add_row()
        add(Text(title, "bold"), 0, bill, "bold")
        for service, part in bill.services().items():
            add(Text(service, "cyan"), 2, part, "")
            for line in merged(part.lines):
                usage, price = line.usage, book.price(line.usage.price)
                words = Text(f"{usage.what}{notes.mark(usage.note)}", "dim")
                charged_price = charged(price, usage.quantity, line.dollars)
                add(words, 4, Bill((line,), bill.items), "dim", amount_of(usage, book), charged_price)
    return table


def sums(bill: Bill) -> Table:
    """The bill's sums: those of the batch, and with what it shares with the other batches of its hours."""
    table = Table.grid(padding=(0, 3))
    for justify in ("left", "right", "left"):
        table.add_column(justify=justify)
    batch, hours = bill.split_by_the_hour()
    for title, part in (("orchestration", batch.part(own=False)), ("your code", batch.part(own=True))):
        table.add_row(title, dollars(part.dollars), scaled(part))
    table.add_row("this batch", dollars(batch.dollars), scaled(batch), style="bold")
    if hours.lines:
        table.add_row("its hours", dollars(hours.dollars), Text(HOURS, "dim"))
        table.add_row("in all", dollars(bill.dollars))
    return table


def scaled(bill: Bill) -> str:
    """`$0.31 per million items`; empty for a batch that is too small to say it."""
    rate = bill.per_million_if_enough()
    return "" if rate is None else per_million(rate)


def basis(bill: Bill, result: Result, book: PriceBook, child_type: str) -> str:
    """The sentences about the basis of the bill."""
    words = [f"Prices of {book.region}, {book.date}", "with the free tier" if book.free_tier else "no free tier"]
    if book.own:
        words.append(f"{count(len(book.own), 'price')} of your own")
    if result.architecture == "sfn":
        words.append(f"{child_type} children")
    durations = {line.usage.price for line in bill.lines if line.usage.price.startswith(GB_SECONDS)}
    words += [f"{price.removeprefix(GB_SECONDS)} functions" for price in sorted(durations)]
    return ", ".join(words) + ". Lambda time was measured on this machine, so its cost here is only indicative."


def largest_lines(bill: Bill, book: PriceBook) -> Table:
    """A planned bill in short: your code, then the orchestration's largest lines with their shares, and the rest."""
    decimals = decimals_for(bill.dollars) + 1
    right = ("quantity", "dollars", "share")
    table = plain_table("service", "for", *right, right=right, fold=("for",))
    lines = sorted(merged(bill.lines), key=lambda line: (not line.usage.own, -line.dollars))
    shown = [line for line in lines if line.usage.own or line.dollars >= LEAST_SHARE * bill.orchestration]

    def add(service: str, words: str, amount: str, cost: float, own: bool = False) -> None:
        share = "your own" if own else f"{cost / bill.orchestration if bill.orchestration else 0:.0%}"
        table.add_row(service, words, amount, dollars(cost, decimals), Text(share, "dim"))

    for line in shown:
        usage = line.usage
        add(service_of(usage.price), usage.what, amount_of(usage, book), line.dollars, usage.own)
    if rest := len(lines) - len(shown):
        words = f"{rest} lines of less than {LEAST_SHARE:.0%} each"
        add("", words, "", bill.dollars - sum(line.dollars for line in shown))
    return table


def merged(lines: Sequence[Line]) -> list[Line]:
    """Lines of the same price, row of the catalogue and note as one, in their order; without bounds."""
    found: defaultdict[object, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.usage.price, line.usage.key, line.usage.note].append(line)
    return [
        Line(
            replace(same[0].usage, quantity=sum(line.usage.quantity for line in same), low=None, high=None),
            sum(line.dollars for line in same),
        )
        for same in found.values()
    ]


def amount_of(usage: Usage, book: PriceBook) -> str:
    """A quantity with its unit: `1,000 requests`."""
    return f"{quantity(usage.quantity)} {book.price(usage.price).unit}{'' if usage.quantity == 1 else 's'}"


def charged(price: Price, total: float, cost: float) -> str:
    """The price that applied, on average where several tiers did: `$0.40 / 1M`."""
    usd = cost / total * price.per if total else price.tiers[0]["usd"]
    whole, _, cents = f"{usd:.10f}".rstrip("0").partition(".")
    return f"${whole}.{cents:0<2}{PACKS.get(round(price.per), f' / {price.per:,g}')}"
