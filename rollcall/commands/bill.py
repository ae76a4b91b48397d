"""`rollcall bill`: what a batch that ran in the sandbox would have cost on AWS, line by line."""

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.facts.prices import PriceBook
from costs.format import count, dollars, per_million
from costs.idle import at_rest
from costs.meter_rows import DURATION
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.bill import metered_bill
from rollcall.batches.find import find
from rollcall.target.connection import connect
from rollcall.target.meter_client import fetch_meter
from rollcall.target.target import Target
from rollcall.terminal.console import print_json, stdout
from rollcall.views.bill import Notes, bill_tables


def bill(
    target: Target,
    batch_id: str,
    architecture: str | None,
    child_type: str,
    prices: Path | None,
    free_tier: bool,
    as_json: bool,
) -> None:
    """Print the bill. Raises Problem on AWS, which no meter counts, and for a batch that the meter does not know."""
    if target.aws:
        raise Problem(
            "only a sandbox has a meter: on AWS the bill comes with Cost Explorer",
            "what a batch costs there can be computed: see rollcall plan --help",
        )
    book = PriceBook.load(prices)
    if free_tier:
        book = book.with_free_tier()
    connection = connect(target)
    batch = find(connection, batch_id, architecture)
    assert connection.endpoint
    answer = fetch_meter(connection.endpoint)
    first, latest = OneBatch(batch.batches, batch_id).observe(), result_of(batch)
    started_at = first.started_at if isinstance(first, Result) else None
    items = first.items if first else None
    made = metered_bill(connection, answer, latest, book, items, started_at, child_type)
    if made is None:
        raise Problem(
            f"the meter does not know all of batch {batch_id}: it counts since {answer['since']}, "
            "and keeps the latest 1,000 batches apart",
            f"run a new batch, and bill that: `rollcall run {latest.architecture}`",
        )
    stack = connection.stack(latest.architecture)
    rest = at_rest(latest.architecture, book, answer, stack.name, stack.provisioned_pollers)
    if as_json:
        print_json(bill_json(batch, latest, made, rest, book, child_type))
    else:
        print_bill(latest, made, rest, book, child_type)


def result_of(batch: OneBatch) -> Result:
    """How the batch ended, or that it is OPEN."""
    seen = batch.observe()
    if isinstance(seen, Result):
        return seen
    items = seen.items if isinstance(seen, Progress) else None
    return Result(batch.batch_id, batch.architecture, "OPEN", batch.generation, items)


def bill_json(
    batch: OneBatch, latest: Result, made: Bill, rest: Bill, book: PriceBook, child_type: str
) -> dict[str, Any]:
    """The whole bill, with the prices that it was made with."""
    used = {line.usage.price for part in (made, rest) for line in part.lines}
    return {
        "batchId": batch.batch_id,
        "generations": batch.generation,
        "architecture": batch.architecture,
        "status": latest.status,
        "childType": child_type if batch.architecture == "sfn" else None,
        **made.to_json(),
        "atRestPerMonth": {"dollars": rest.dollars, "lines": [line.to_json() for line in rest.lines]},
        "prices": {
            "region": book.region,
            "date": book.date.isoformat(),
            "freeTier": book.free_tier,
            **{price_id: book.price(price_id).to_json() for price_id in sorted(used)},
        },
    }


def print_bill(latest: Result, made: Bill, rest: Bill, book: PriceBook, child_type: str) -> None:
    """Print both parts of the batch's bill, its sums, what the stack costs at rest, and how lines were derived."""
    notes = Notes()
    generations = f", {latest.generation} generations" if latest.generation > 1 else ""
    open_yet = ", so far: it still runs" if latest.status == "OPEN" else ""
    stdout.print(
        Text.assemble(
            ("\nBatch ", ""),
            (latest.batch_id, "bold"),
            (f"  {ARCHITECTURE_TITLES[latest.architecture]}, {count(made.items, 'item')}{generations}{open_yet}", ""),
        ),
        soft_wrap=True,
    )
    parts = [("orchestration", made.part(own=False)), ("your own work", made.part(own=True))]
    stdout.print()
    stdout.print(bill_tables(parts, book, stdout.width, notes))
    stdout.print()
    stdout.print(sums(made))
    stdout.print()
    stdout.print(bill_tables([("at rest, a month without a batch", rest)], book, stdout.width, notes))
    stdout.print()
    stdout.print(Text("not counted here but derived", "dim"))
    stdout.print(notes.table())
    stdout.print()
    stdout.print(Text(basis(made, latest, book, child_type), "dim"))


def sums(made: Bill) -> Table:
    """What people compare: the sums, each per million items too."""
    table = Table.grid(padding=(0, 3))
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    orchestration, own = made.part(own=False), made.part(own=True)
    table.add_row("orchestration", dollars(orchestration.dollars), per_million(orchestration.per_million()))
    if made.by_the_hour:
        why = "of it custom metrics, by the hour at any size"
        table.add_row("", Text(dollars(made.by_the_hour), "dim"), Text(why, "dim"))
    table.add_row("your own work", dollars(own.dollars), per_million(own.per_million()))
    table.add_row(*(Text(cell, "bold") for cell in ("in all", dollars(made.dollars), per_million(made.per_million()))))
    return table


def basis(made: Bill, latest: Result, book: PriceBook, child_type: str) -> str:
    """What the bill rests on, in a sentence."""
    words = [f"Prices of {book.region}, {book.date}", "with the free tier" if book.free_tier else "no free tier"]
    if book.own:
        words.append(f"{count(len(book.own), 'price')} of your own")
    if latest.architecture == "sfn":
        words.append(f"{child_type} children")
    used = (line.usage.price for line in made.lines)
    words += [
        f"{cpu} functions"
        for cpu in sorted({price.removeprefix(DURATION) for price in used if price.startswith(DURATION)})
    ]
    return ", ".join(words) + ". Times are this machine's, so is what they cost."
