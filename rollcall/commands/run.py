"""`rollcall run`: runs a batch from its start to its Batch Finished event."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from handlers.core.batch import new_batch_id
from handlers.core.quoting import shown
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.bill import bill_after_run
from rollcall.batches.find import batches_of
from rollcall.batches.input_file import one_input, upload_input
from rollcall.batches.places import only_rejected
from rollcall.batches.request import check_request, refuse_too_many_items
from rollcall.batches.subscription import subscribed
from rollcall.target.connection import Connection, connect
from rollcall.target.target import SandboxTarget, Target, targeted
from rollcall.terminal.console import print_command, print_json, print_next, stdout, steps
from rollcall.terminal.errors import Interrupted
from rollcall.terminal.options import Architecture, Json, limited
from rollcall.views.follow import until_ended, until_event
from rollcall.views.progress import display
from rollcall.views.summary import next_commands, print_summary

app = typer.Typer()


@app.command(
    epilog="Examples: [bold]rollcall run sqs --items 1000[/], "
    "[bold]rollcall run sfn --input orders.csv --items-per-chunk 50 --json[/]\n\n"
    "Exit codes: 0 the batch SUCCEEDED, 1 it finished otherwise, 2 usage or environment."
)
@targeted
def run(
    target: Target,
    architecture: Architecture,
    items: Annotated[int | None, limited("items", "Number of random items")] = None,
    inputs: Annotated[
        list[Path] | None,
        typer.Option(
            "--input", metavar="FILE", help="Real items instead: a .jsonl or .csv file, also .gz.", show_default=False
        ),
    ] = None,
    items_per_chunk: Annotated[int | None, limited("itemsPerChunk", "Items of a chunk")] = None,
    max_value: Annotated[
        int | None, limited("maxValue", "Longest simulated work of an item, in ms", metavar="MS")
    ] = None,
    item_concurrency: Annotated[
        int | None, limited("itemConcurrency", "Items of a chunk that are processed at a time")
    ] = None,
    fail_rate: Annotated[
        float | None, limited("failRate", "Share of random items that always fail", default="0")
    ] = None,
    max_attempts: Annotated[
        int | None, limited("maxAttempts", "Attempts per chunk before its pending items fail")
    ] = None,
    tolerated_failure_percentage: Annotated[
        float | None,
        limited("toleratedFailurePercentage", "Percentage of failed items with which the batch still SUCCEEDED"),
    ] = None,
    deadline: Annotated[
        int | None, limited("deadlineSeconds", "sqs: after this the batch ends EXPIRED", metavar="SECONDS")
    ] = None,
    batch_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Name of the batch.", show_default="a new one")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start the batch and return.")] = False,
    as_json: Json = False,
) -> None:
    """Run a batch; exits with 1 if it does not end SUCCEEDED."""
    fields = {
        "batchId": batch_id,
        "items": items,
        "itemsPerChunk": items_per_chunk,
        "maxValue": max_value,
        "itemConcurrency": item_concurrency,
        "failRate": fail_rate,
        "maxAttempts": max_attempts,
        "toleratedFailurePercentage": tolerated_failure_percentage,
        "deadlineSeconds": deadline,
    }
    given = {name: value for name, value in fields.items() if value is not None}
    input_file = one_input(inputs or [])
    check_request(architecture, given, input_file)
    connection = connect(target)
    request: dict[str, Any] = {"batchId": batch_id or new_batch_id(connection.now()), **given}
    stack = connection.stack(architecture)
    refuse_too_many_items(request, stack)
    if input_file:
        with steps(f"uploading {shown(str(input_file))} to s3://{stack.outputs['InputBucketName']}"):
            request["input"] = upload_input(connection, stack, request["batchId"], input_file)
    if no_wait:
        batch = OneBatch(batches_of(connection, architecture), request["batchId"])
        batch.batches.start(request)
        print_open(batch, "is started", None, target, as_json)
        return
    report(connection, run_to_end(connection, architecture, request), target, as_json)


def run_to_end(connection: Connection, architecture: str, request: Mapping[str, Any]) -> Result:
    """Start the batch and show its progress until its event arrives. Raises Interrupted on Ctrl-C."""
    batches = batches_of(connection, architecture)
    return start_to_end(connection, OneBatch(batches, request["batchId"]), lambda: batches.start(request))


def start_to_end(connection: Connection, batch: OneBatch, start: Callable[[], None]) -> Result:
    """Subscribe to the batch's event, `start` it, and show its progress. Raises Interrupted on Ctrl-C."""
    event_bus = connection.stack(batch.architecture).outputs["EventBusName"]
    with (
        display(batch.architecture) as progress,
        subscribed(connection, event_bus, batch.batch_id, batch.generation) as subscription,
    ):
        progress.show(None)
        start()
        try:
            return until_event(batch, subscription, progress)
        except KeyboardInterrupt:
            raise still_running(batch.batch_id) from None


def follow_to_end(batch: OneBatch) -> Result:
    """Show the progress of a running batch until it has ended. Raises Interrupted on Ctrl-C."""
    with display(batch.architecture) as progress:
        try:
            return until_ended(batch, progress)
        except KeyboardInterrupt:
            raise still_running(batch.batch_id) from None


def print_open(batch: OneBatch, news: str, items: int | None, target: SandboxTarget, as_json: bool) -> None:
    """Print the news of a batch for whose end the command does not wait, and how to watch it."""
    if as_json:
        result = Result(batch.batch_id, batch.architecture, "OPEN", batch.generation, items)
        print_json({**result.to_json(), "cost": None})
        return
    stdout.print(f"batch [bold]{batch.title}[/] {news}", soft_wrap=True)
    print_command(target.command("watch " + batch.batch_id))


def report(
    connection: Connection, result: Result, target: SandboxTarget, as_json: bool, wanted: str = "SUCCEEDED"
) -> None:
    """Print how the batch ended and what it would have cost; exits with 1 unless it ended as `wanted`."""
    bill = bill_after_run(connection, result)
    if as_json:
        print_json({**result.to_json(), "cost": bill.sums_to_json() if bill else None})
    else:
        print_summary(result, bill)
        batch = OneBatch(batches_of(connection, result.architecture), result.batch_id, result.generation)
        commands = next_commands(result, target, hopeless=is_hopeless(batch, result))
        if bill:
            commands[target.command(f"bill {result.batch_id}")] = "its cost on AWS, line by line"
        if commands:
            print_next(commands)
    if result.status != wanted:
        raise typer.Exit(1)


def is_hopeless(batch: OneBatch, result: Result) -> bool:
    """Whether a redrive would not help: nothing remains, and no failed item is a valid item."""
    return bool(result.failed) and not result.remaining and only_rejected(batch)


def still_running(batch_id: str) -> Interrupted:
    """The exception for Ctrl-C while a batch runs."""
    return Interrupted(f"batch {batch_id} goes on without this window", f"see its end with `rollcall watch {batch_id}`")
