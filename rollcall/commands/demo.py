"""`rollcall demo`: the first impression. The same batch through both architectures, then the two side by side."""

import time
from collections.abc import Mapping

import typer
from rich.table import Table
from rich.text import Text

from costs.bill import Bill
from costs.format import count, dollars, seconds
from rollcall.batches.batch import Result
from rollcall.batches.bill import bill_after_run
from rollcall.batches.request import checked_request
from rollcall.commands.invocations import Invocations, measured
from rollcall.commands.run import run_to_end
from rollcall.commands.up import bring_up
from rollcall.target.connection import ARCHITECTURE_TITLES, Connection
from rollcall.target.stacks import functions
from rollcall.target.target import SandboxTarget, targeted
from rollcall.terminal.console import print_next, stdout
from rollcall.terminal.options import Engine, EngineChoice
from rollcall.views.summary import items_per_second, outcome, styled_status

# About 500 s of simulated work in all, done in about ten.
BATCH = {"items": 1000, "itemsPerChunk": 10, "itemConcurrency": 10}

app = typer.Typer()

type Run = tuple[Result, Invocations, Bill | None]


@app.command(epilog="It needs neither an AWS account nor, on Linux, Docker.")
@targeted
def demo(target: SandboxTarget, engine: EngineChoice = Engine.auto) -> None:
    """Start the sandbox and run the same batch twice; exits with 1 if one does not end SUCCEEDED."""
    stdout.print("\n[bold]Rollcall[/]  When is the last item of a batch done?\n")
    began = time.monotonic()
    connection, _ = bring_up(target, engine)
    stdout.print(f"[green]✓[/] sandbox and both stacks ready at {connection.endpoint} in {elapsed(began)}")
    runs = {architecture: run_one(connection, architecture) for architecture in ARCHITECTURE_TITLES}
    stdout.print()
    stdout.print(comparison(runs))
    stdout.print(
        "\n[dim]Completion lag: from the moment the last chunk was done to the Batch Finished event's arrival.\n"
        "These are times of this machine's sandbox: they show how the two behave, not how fast AWS is.\n"
        "Cost: what the batch used, counted as AWS bills it.[/]"
    )
    first = next(iter(runs.values()))[0].batch_id
    print_next(
        {
            target.command("run sqs --items 10000 --max-value 0"): "ten times as many, no work",
            target.command("run sfn --fail-rate 0.01"): "some items fail for good",
            target.command(f"bill {first}"): "what the first would cost on AWS, line by line",
            target.command("logs sqs.processor"): "what the processors said",
            target.command("status"): "where things are, latest batches",
            target.command("down"): "stop the sandbox",
        }
    )
    if any(result.status != "SUCCEEDED" for result, _, _ in runs.values()):
        raise typer.Exit(1)


def run_one(connection: Connection, architecture: str) -> Run:
    """Run the batch through one architecture, tell how it went in a line, and measure what it took."""
    began_ms = round(time.time() * 1000)
    result = run_to_end(connection, architecture, checked_request(architecture, BATCH))
    mark = "[green]✓[/]" if result.status == "SUCCEEDED" else "[red]✗[/]"
    title = ARCHITECTURE_TITLES[architecture]
    stdout.print(
        f"{mark} {title}: {outcome(result)} of {count(result.items, 'item')} in {seconds(result.duration_seconds)}"
    )
    used = functions(architecture, connection.stack(architecture).outputs)
    return result, measured(connection.client("logs"), used, began_ms), bill_after_run(connection, result)


def comparison(runs: Mapping[str, Run]) -> Table:
    """Both runs side by side."""
    table = Table(box=None, padding=(0, 4, 0, 0), header_style="bold", pad_edge=False)
    table.add_column("", style="dim")
    for architecture in runs:
        table.add_column(ARCHITECTURE_TITLES[architecture], justify="right")
    results = [result for result, _, _ in runs.values()]
    invocations = [used for _, used, _ in runs.values()]
    bills = [bill for _, _, bill in runs.values()]
    rows: dict[str, list[str | Text]] = {
        "status": [styled_status(result.status) for result in results],
        "items": [count(result.items) for result in results],
        "chunks": [count(result.chunks) for result in results],
        "duration": [seconds(result.duration_seconds) for result in results],
        "items per second": [count(items_per_second(result)) for result in results],
        "completion lag": [seconds(result.completion_lag_seconds) for result in results],
        "Lambda invocations": [count(used.count) for used in invocations],
        "of them cold starts": [count(used.cold_starts) for used in invocations],
        "Lambda GB-seconds": [f"{used.gb_seconds:.1f}" for used in invocations],
        "cost on AWS": [dollars(bill.dollars) if bill else "-" for bill in bills],
        "of it orchestration": [dollars(bill.orchestration) if bill else "-" for bill in bills],
    }
    for label, cells in rows.items():
        table.add_row(label, *cells)
    return table


def elapsed(began: float) -> str:
    """Since `began` on the monotonic clock."""
    return seconds(time.monotonic() - began)
