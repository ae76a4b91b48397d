"""`rollcall demo`: runs the same batch through both architectures, and compares them."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from bootstrap.problem import Problem
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import Bill
from costs.format import count, dollars, seconds
from costs.metered import rows_of
from costs.usage import GB_SECONDS
from rollcall.api.batch import Batch, Settings
from rollcall.batches.batch import Result
from rollcall.batches.bill import bill_after_run, idle_month
from rollcall.commands.run import start_to_end
from rollcall.commands.up import bring_up
from rollcall.target.connection import Connection
from rollcall.target.console_address import console_url
from rollcall.target.meter_client import fetch_when_quiet
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_next, stdout
from rollcall.terminal.options import Engine, EngineChoice
from rollcall.views.summary import items_per_second, outcome, styled_status

# About 500 s of simulated work in all, done in about ten.
BATCH: Settings = {"items": 1000, "items_per_chunk": 10, "item_concurrency": 10}

app = typer.Typer()

type Rows = Sequence[Mapping[str, Any]]
type Run = tuple[Result, Rows, Bill | None]


@app.command(epilog="It needs neither an AWS account nor, on Linux, Docker.")
@targeted
def demo(target: SandboxTarget, engine: EngineChoice = Engine.auto) -> None:
    """Start the sandbox and run the same batch twice; exits with 1 if one of them does not end SUCCEEDED."""
    stdout.print("\n[bold]Rollcall[/]  When is the last item of a batch done?\n")
    began = time.monotonic()
    connection, _ = bring_up(target, engine)
    stdout.print(f"[green]✓[/] sandbox and both stacks ready at {connection.endpoint} in {elapsed(began)}")
    runs = {architecture: run_one(connection, architecture) for architecture in ARCHITECTURE_TITLES}
    stdout.print()
    stdout.print(comparison(runs, {name: idle_month(connection, name).dollars for name in runs}))
    stdout.print(
        "\n[dim]Completion lag: from the moment the last chunk was done to the Batch Finished event's arrival.\n"
        "These are times of this machine's sandbox: they show how the two behave, not how fast AWS is.\n"
        "Cost: what the batch used, counted as AWS bills it. At rest: paid whether batches run or not.[/]"
    )
    first = next(iter(runs.values()))[0].batch_id
    console = console_url(target.project)
    print_next(
        {
            console or target.command("console"): "the batches as pages, live",
            target.command("run sqs --items 10000 --max-value 0"): "ten times the items, without work",
            target.command("run sfn --fail-rate 0.01"): "some items fail for good",
            target.command(f"bill {first}"): "the cost of the first batch on AWS, line by line",
            f"rollcall plan --items {BATCH['items']} --per-day 4": "a month of such batches, and which way is cheaper",
            target.command("logs sqs.processor"): "the processors' log lines",
            target.command("status"): "the endpoint, the resources, the latest batches",
            target.command("down"): "stop the sandbox",
        }
    )
    if any(result.status != "SUCCEEDED" for result, _, _ in runs.values()):
        raise typer.Exit(1)


def run_one(connection: Connection, architecture: str) -> Run:
    """Run the batch through one architecture, print its outcome in a line, and count what it used."""
    _, result = start_to_end(Batch.new(connection, architecture, **BATCH))
    mark = "[green]✓[/]" if result.status == "SUCCEEDED" else "[red]✗[/]"
    title = ARCHITECTURE_TITLES[architecture]
    stdout.print(
        f"{mark} {title}: {outcome(result)} of {count(result.items, 'item')} in {seconds(result.duration_seconds)}"
    )
    return result, metered_rows(connection, result), bill_after_run(connection, result)


def metered_rows(connection: Connection, result: Result) -> Rows:
    """The meter's rows of the batch; empty if the engine has no meter."""
    try:
        answer = fetch_when_quiet(connection.endpoint or "", result.batch_id)
    except Problem:
        return []
    return rows_of(answer, connection.stack(result.architecture).name, result.batch_id)


def total(rows: Rows, unit: str) -> float | None:
    """The sum of the units that begin with `unit`; None without rows."""
    return sum(row["quantity"] for row in rows if row["unit"].startswith(unit)) if rows else None


def comparison(runs: Mapping[str, Run], resting: Mapping[str, float]) -> Table:
    """A table with both runs side by side, and the dollars that each stack costs at rest in a month."""
    table = Table(box=None, padding=(0, 4, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("", style="dim")
    for architecture in runs:
        table.add_column(ARCHITECTURE_TITLES[architecture], justify="right")
    results = [result for result, _, _ in runs.values()]
    metered = [rows for _, rows, _ in runs.values()]
    bills = [bill and bill.split_by_the_hour()[0] for _, _, bill in runs.values()]
    rows: dict[str, list[str | Text]] = {
        "status": [styled_status(result.status) for result in results],
        "items": [count(result.items) for result in results],
        "chunks": [count(result.chunks) for result in results],
        "duration": [seconds(result.duration_seconds) for result in results],
        "items per second": [count(items_per_second(result)) for result in results],
        "completion lag": [seconds(result.completion_lag_seconds) for result in results],
        "Lambda invocations": [count(total(rows, "lambda.requests")) for rows in metered],
        "of them cold starts": [count(total(rows, "lambda.cold_starts")) for rows in metered],
        "Lambda GB-seconds": [f"{total(rows, GB_SECONDS):.1f}" if rows else "-" for rows in metered],
        "cost on AWS": [dollars(bill.dollars) if bill else "-" for bill in bills],
        "of it orchestration": [dollars(bill.orchestration) if bill else "-" for bill in bills],
        "at rest, a month": [dollars(resting[architecture], 2) for architecture in runs],
    }
    for label, cells in rows.items():
        table.add_row(label, *cells)
    return table


def elapsed(began: float) -> str:
    """The time since `began` on the monotonic clock, for people."""
    return seconds(time.monotonic() - began)
