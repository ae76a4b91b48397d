"""`rollcall run`: runs a batch from its start to its Batch Finished event."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.lock import deploying
from bootstrap.work.place import chosen_work
from handlers.core.quoting import shown
from rollcall.api.batch import Batch, Settings, request_of
from rollcall.api.sandbox import deploy_stacks
from rollcall.batches.batch import OneBatch, Result
from rollcall.batches.bill import bill_after_run, idle_month
from rollcall.batches.failure_summary import failure_summary
from rollcall.batches.inputs import Inputs
from rollcall.batches.redrivable import is_hopeless
from rollcall.batches.request import check_request
from rollcall.batches.results import results_place
from rollcall.commands.up import tell_losses
from rollcall.target.connection import Connection, connect
from rollcall.target.console_address import console_url, page_of
from rollcall.target.target import SandboxTarget, Target, targeted
from rollcall.target.work import other_work
from rollcall.terminal.console import print_command, print_json, print_next, stderr, stdout, steps
from rollcall.terminal.errors import Interrupted
from rollcall.terminal.options import Architecture, Json, WorkFolder, limited
from rollcall.terminal.reading_options import ReadingOptions
from rollcall.views.progress import display
from rollcall.views.summary import Cost, Details, next_commands, print_summary

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
    how: ReadingOptions,
    items: Annotated[int | None, limited("items", "Number of random items")] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Real items instead: a file of JSON Lines or CSV, also .gz; a folder of files; - for standard input; "
            "s3://BUCKET/KEY below the stack's InputPrefix, or s3://BUCKET/PREFIX/, of which each object is an item. "
            "Given several times, the items of all files.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="The objects below an s3:// prefix are files with items.")
    ] = False,
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
    work: WorkFolder = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Start the batch and return.")] = False,
    as_json: Json = False,
) -> None:
    """Run a batch; exits with 1 if it does not end SUCCEEDED."""
    settings: Settings = {
        "items": items,
        "items_per_chunk": items_per_chunk,
        "max_value": max_value,
        "item_concurrency": item_concurrency,
        "fail_rate": fail_rate,
        "max_attempts": max_attempts,
        "tolerated_failure_percentage": tolerated_failure_percentage,
        "deadline_seconds": deadline,
    }
    source = Inputs(inputs, how.reading(), files) if inputs else None
    check_request(architecture, request_of(batch_id, settings), source)
    lock = deploying("rollcall run", target.project)
    connection = with_work(connect(target), chosen_work(work), [architecture], lock)
    bucket = connection.stack(architecture).outputs["InputBucketName"]
    with steps(f"taking {shown(str(source))} to s3://{bucket}") if source else nullcontext() as say:
        batch = Batch.prepared(connection, architecture, batch_id, settings, source, say)
    if not target.aws and not as_json and (url := console_url(target.project, page_of(architecture, batch.batch_id))):
        stderr.print(f"see it at {url}", markup=False, soft_wrap=True)
    if no_wait:
        batch.start()
        print_open(batch, "is started", None, target, as_json)
        return
    report(start_to_end(batch), target, as_json)


def with_work(
    connection: Connection, folder: Path | None, architectures: Iterable[str], lock: AbstractContextManager[None]
) -> Connection:
    """A connection to stacks that run the work in `folder`: one that runs another work, or an older edit, is deployed.

    Without a folder they run whatever they run. `lock` is held for a deployment only: see bootstrap.lock.deploying.
    Raises Problem if it cannot be deployed, and on AWS if it must be.
    """
    if not folder:
        return connection
    others = {name: record for name in architectures if (record := other_work(connection, name, folder))}
    if not others:
        return connection
    runs = next(iter(others.values()))
    same = runs.folder == folder.name
    with lock, steps(f"deploying {folder}: the stack runs {'an older edit of it' if same else runs}") as say:
        losing = partial(tell_losses, connection, False)
        deploy_stacks(connection, say, runs.parameters if same else {}, others, folder, losing)
    return Connection(connection.session, connection.suffix, connection.endpoint, connection.engine)


type Followed = tuple[Batch, Result]
"""A batch and how it ended."""


def start_to_end(batch: Batch) -> Followed:
    """Start the batch and show its progress until its event arrives. Raises Interrupted on Ctrl-C."""
    with display(batch.architecture) as progress, batch.subscribed() as subscription:
        progress.show(None)
        batch.start()
        try:
            return batch, batch.wait(show=progress.show, subscription=subscription)
        except KeyboardInterrupt:
            raise still_running(batch.batch_id) from None


def follow_to_end(batch: Batch) -> Followed:
    """Show the progress of a running batch until it has ended. Raises Interrupted on Ctrl-C."""
    with display(batch.architecture) as progress:
        try:
            return batch, batch.wait(show=progress.show)
        except KeyboardInterrupt:
            raise still_running(batch.batch_id) from None


def print_open(batch: OneBatch, news: str, items: int | None, target: SandboxTarget, as_json: bool) -> None:
    """Print the news of a batch for whose end the command does not wait, and how to watch it."""
    if as_json:
        result = Result(batch.batch_id, batch.architecture, "OPEN", batch.generation, items)
        print_json({**result.to_json(), "cost": None, **Details().to_json()})
        return
    stdout.print(f"batch [bold]{batch.title}[/] {news}", soft_wrap=True)
    print_command(target.command("watch " + batch.batch_id))


def report(followed: Followed, target: SandboxTarget, as_json: bool, wanted: str = "SUCCEEDED") -> None:
    """Print how the batch ended and what it would have cost; exits with 1 unless it ended as `wanted`."""
    batch, result = followed
    bill = bill_after_run(batch.connection, result)
    cost = Cost(bill, idle_month(batch.connection, result.architecture).dollars) if bill else None
    details = details_of(batch, result)
    if as_json:
        print_json({**result.to_json(), "cost": cost.to_json() if cost else None, **details.to_json()})
    else:
        print_summary(result, details, cost)
        commands = next_commands(result, target, is_hopeless(batch, result), bool(details.results))
        if cost:
            commands[target.command(f"bill {result.batch_id}")] = "its cost on AWS, line by line"
            if result.items:
                commands[f"rollcall plan --items {result.items} --per-day 4"] = (
                    "a month of such batches, and which way is cheaper"
                )
        if commands:
            print_next(commands)
    if result.status != wanted:
        raise typer.Exit(1)


def details_of(batch: Batch, result: Result) -> Details:
    """What is told of a batch that has ended: its items' errors, those of invocations, and where its results are."""
    place = results_place(batch.connection.stack(batch.architecture), batch.batch_id)
    return Details(failure_summary(batch, result), batch.errors, place)


def still_running(batch_id: str) -> Interrupted:
    """The exception for Ctrl-C while a batch runs."""
    return Interrupted(f"batch {batch_id} goes on without this window", f"see its end with `rollcall watch {batch_id}`")
