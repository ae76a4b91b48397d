"""`rollcall bill`: prints the cost on AWS of a batch that ran in the sandbox, line by line."""

from typing import Annotated, Any

import typer

from bootstrap.problem import Problem
from costs.bill import Bill
from costs.facts.prices import PriceBook
from rollcall.api.batch import Batch
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.bill import idle_month, metered_bill
from rollcall.target.connection import connect
from rollcall.target.meter_client import fetch_meter
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import print_json
from rollcall.terminal.options import BatchId, ChildTypeName, FreeTier, Json, OfArchitecture, PriceFile
from rollcall.views.bill import print_bill

app = typer.Typer()


@app.command(
    epilog="Examples: [bold]rollcall bill demo-1[/], [bold]rollcall bill demo-1 --child-type standard --json[/]"
)
@targeted
def bill(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    child_type: Annotated[
        ChildTypeName,
        typer.Option(help="sfn: as if its children were of this type."),
    ] = ChildTypeName.express,
    prices: PriceFile = None,
    free_tier: FreeTier = False,
    as_json: Json = False,
) -> None:
    """Print the bill, and what the batch's stack costs at rest.

    Raises Problem with --aws, because AWS has no meter, and for a batch that the meter does not know.
    """
    if target.aws:
        raise Problem(
            "only a sandbox has a meter: on AWS the bill comes with Cost Explorer",
            "what a batch costs there can be computed: see rollcall plan --help",
        )
    book = PriceBook.load(prices)
    if free_tier:
        book = book.with_free_tier()
    connection = connect(target)
    batch = Batch.find(connection, batch_id, architecture)
    answer = fetch_meter(connection.endpoint or "")
    first, latest = OneBatch(batch.batches, batch_id).observe(), result_of(batch)
    started_at = first.started_at if isinstance(first, Result) else None
    items, children = first.items if first else None, child_type.upper()
    metered = metered_bill(connection, answer, latest, book, items, started_at, children)
    if metered is None:
        raise Problem(
            f"the meter does not know all of batch {batch_id}: it counts since {answer['since']}, "
            "and keeps the latest 1,000 batches apart",
            f"run a new batch, and bill that: `rollcall run {latest.architecture}`",
        )
    idle = idle_month(connection, latest.architecture, book, answer)
    if as_json:
        print_json(bill_json(latest, metered, idle, book, children))
    else:
        print_bill(latest, metered, idle, book, children)


def result_of(batch: OneBatch) -> Result:
    """The batch's result, or an OPEN one."""
    seen = batch.observe()
    if isinstance(seen, Result):
        return seen
    return Result(batch.batch_id, batch.architecture, "OPEN", batch.generation, seen.items if seen else None)


def bill_json(latest: Result, metered: Bill, idle: Bill, book: PriceBook, child_type: str) -> dict[str, Any]:
    """The whole bill, with the prices that it was made with."""
    used = {line.usage.price for part in (metered, idle) for line in part.lines}
    return {
        "batchId": latest.batch_id,
        "generations": latest.generation,
        "architecture": latest.architecture,
        "status": latest.status,
        "childType": child_type if latest.architecture == "sfn" else None,
        **metered.to_json(),
        "atRestPerMonth": {"dollars": idle.dollars, "lines": [line.to_json() for line in idle.lines]},
        "prices": {
            "region": book.region,
            "date": book.date.isoformat(),
            "freeTier": book.free_tier,
            **{price_id: book.price(price_id).to_json() for price_id in sorted(used)},
        },
    }
