"""A planned bill in a few lines: what makes up nearly all of it, the rest in a sum."""

from rich.table import Table
from rich.text import Text

from costs.bill import Bill, service_of
from costs.format import decimals_for, dollars, quantity
from rollcall.views.bill import merged

# What is less of the orchestration is not listed.
LEAST = 0.01


def largest_lines(bill: Bill) -> Table:
    """The user's own work, then the orchestration's lines by size, with their shares of it; `--json` has all."""
    decimals = decimals_for(bill.dollars) + 1
    orchestration = bill.orchestration
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("service")
    table.add_column("for", overflow="fold")
    table.add_column("quantity", justify="right", no_wrap=True)
    table.add_column("dollars", justify="right", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    kinds = merged(bill.lines)
    rows = [
        (same[0].usage.own, sum(line.dollars for line in same), sum(line.usage.quantity for line in same), price, what)
        for (price, what, _), same in kinds.items()
    ]
    rows.sort(key=lambda row: (not row[0], -row[1]))
    shown = [row for row in rows if row[0] or row[1] >= LEAST * orchestration]
    for own, cost, amount, price, what in shown:
        share = "your own" if own else share_of(cost, orchestration)
        table.add_row(
            service_of(price),
            what,
            f"{quantity(amount)} {unit_of(price)}",
            dollars(cost, decimals),
            Text(share, "dim"),
        )
    if rest := len(rows) - len(shown):
        small = sum(row[1] for row in rows) - sum(row[1] for row in shown)
        told = f"{rest} lines of less than {LEAST:.0%} each"
        table.add_row("", Text(told, "dim"), "", dollars(small, decimals), Text(share_of(small, orchestration), "dim"))
    return table


def share_of(cost: float, whole: float) -> str:
    """`12%`; of nothing, nothing."""
    return f"{cost / whole if whole else 0:.0%}"


def unit_of(price_id: str) -> str:
    """What a price counts, in short: its id's own words."""
    if "gb_seconds" in price_id:
        return "GB-seconds"
    return price_id.split(".")[1].replace("_", " ")
