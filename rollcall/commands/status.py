"""`rollcall status`: shows the endpoint, the stacks and the latest batches, or one batch."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bootstrap.printable import one_line
from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import count, seconds
from rollcall.api.batch import Batch
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.find import deployed
from rollcall.batches.invocation_errors import ErrorLog, InvocationError
from rollcall.batches.places import places_in
from rollcall.batches.redrivable import is_hopeless
from rollcall.commands.failures import failure_line
from rollcall.commands.run import details_of
from rollcall.target.connection import Connection, connect
from rollcall.target.target import Target, targeted
from rollcall.target.work import deployed_work
from rollcall.terminal.console import print_command, print_json, print_next, print_rows, print_table, stdout
from rollcall.terminal.options import Generation, Json, OfArchitecture
from rollcall.views.progress import Pace, describe, troubles
from rollcall.views.summary import Details, next_commands, print_summary, styled_status

RECENT = 10
FAILED_ITEMS_SHOWN = 10

app = typer.Typer()


@app.command(epilog="Examples: [bold]rollcall status[/], [bold]rollcall status demo-1 --json[/]")
@targeted
def status(
    target: Target,
    batch_id: Annotated[
        str | None, typer.Argument(metavar="BATCH", help="A batch to show in detail.", show_default=False)
    ] = None,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    as_json: Json = False,
) -> None:
    """Print the state of the sandbox or account, or of one batch."""
    connection = connect(target)
    if batch_id:
        show_batch(connection, Batch.find(connection, batch_id, architecture, generation), target, as_json)
        return
    recent = [result for batches in deployed(connection) for result in batches.recent(RECENT)]
    recent.sort(key=lambda result: result.started_at or "", reverse=True)
    if as_json:
        outputs = {architecture: dict(stack.outputs) for architecture, stack in connection.stacks.items()}
        place = {"endpoint": connection.endpoint, "engine": connection.engine}
        print_json({**place, **outputs, "batches": [result.to_json() for result in recent]})
        return
    print_place(connection)
    print_recent(recent[:RECENT], target)


def print_place(connection: Connection) -> None:
    """Print the endpoint and all outputs of the stacks, without line breaks, to be copied."""
    stdout.print(
        f"[bold]{escape(connection.place)}[/]" + (f"  {connection.engine} engine" if connection.engine else "")
    )
    for architecture, stack in connection.stacks.items():
        stdout.print(f"\n[bold]{escape(stack.name)}[/]  [dim]{ARCHITECTURE_TITLES[architecture]}[/]", soft_wrap=True)
        # Who may look at the stacks of an account may not read its code bucket.
        if connection.endpoint and (record := deployed_work(connection, architecture)):
            stdout.print(f"  [dim]work[/]  {escape(str(record))}", soft_wrap=True)
        width = max(map(len, stack.outputs))
        for key, value in stack.outputs.items():
            stdout.print(Text.assemble((f"  {key:<{width}}  ", "dim"), one_line(value)), soft_wrap=True)


def print_recent(results: list[Result], target: Target) -> None:
    """Print a table of the latest batches."""
    if not results:
        stdout.print("\nno batch has run yet")
        print_command(target.command("run sqs"))
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    redriven = any(result.generation > 1 for result in results)
    for header in ("batch", *(["generation"] if redriven else []), "", "status"):
        table.add_column(header, no_wrap=True)
    for header in ("items", "failed", "left", "chunks", "took"):
        table.add_column(header, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            Text(one_line(result.batch_id)),
            *([str(result.generation)] if redriven else []),
            result.architecture,
            styled_status(result.status),
            *map(count, (result.items, result.failed, result.remaining, result.chunks)),
            seconds(result.duration_seconds),
        )
    stdout.print()
    print_table(table)  # whole: users copy the ids


def show_batch(connection: Connection, batch: Batch, target: Target, as_json: bool) -> None:
    """Print the progress or the result of one batch, its first failed items, and the next commands."""
    seen = batch.observe()
    if isinstance(seen, Result):
        details = details_of(batch, seen)
    else:
        details = Details(invocation_errors=errors_so_far(connection, batch, seen))
    failed = list(islice(batch.failed_items(), FAILED_ITEMS_SHOWN))
    known = seen if isinstance(seen, Result) else Result(batch.batch_id, batch.architecture, "OPEN", batch.generation)
    if as_json:
        print_json({**known.to_json(), **progress_json(seen), "failedItems": failed, **details.to_json()})
        return
    if isinstance(seen, Result):
        print_summary(seen, details)
    else:
        print_progress(batch, seen, details.invocation_errors)
    if failed:
        stdout.print(f"\nfailed items [dim](the first {FAILED_ITEMS_SHOWN} at most)[/]")
    places = places_in(batch, failed)
    for entry in failed:
        stdout.print(f"  {failure_line(entry, places)}", markup=False, soft_wrap=True)
    if isinstance(seen, Result):
        commands = next_commands(seen, target, is_hopeless(batch, seen), bool(details.results))
    else:
        commands = next_commands_while_open(batch, seen, details.invocation_errors, target)
    if commands:
        print_next(commands)


def errors_so_far(connection: Connection, batch: OneBatch, seen: Progress | None) -> Sequence[InvocationError]:
    """The errors of invocations since the batch began; none before it has a record."""
    if not seen or not seen.started_at:
        return ()
    return ErrorLog(connection, batch.architecture).look(batch.batch_id, seen.started_at)


def print_progress(batch: OneBatch, seen: Progress | None, errors: Sequence[InvocationError]) -> None:
    """Print the progress of an open batch, and what goes wrong with it."""
    rows = {"architecture": ARCHITECTURE_TITLES[batch.architecture], "progress": describe(seen, Pace())}
    if seen:
        rows |= {"failed": count(seen.failed, "item"), "remaining": count(seen.remaining, "item")}
    if seen and seen.unmade_segments:
        rows["being made"] = count(seen.unmade_segments, "segment")
    if wrong := troubles(seen, errors):
        rows["trouble"] = "\n".join(wrong)
    stdout.print(f"\nBatch [bold]{batch.title}[/]  [bold cyan]OPEN[/]", soft_wrap=True)
    print_rows(rows.items())


def next_commands_while_open(
    batch: OneBatch, seen: Progress | None, errors: Sequence[InvocationError], target: Target
) -> dict[str, str]:
    """Command lines for a batch that still runs, each with its purpose."""
    watch = {target.command(f"watch {batch.batch_id}"): "follow it to its end"}
    if errors:
        role = errors[0].role
        return {
            target.command(f"logs {role} --errors --since 1h"): f"the errors in the log of {role}",
            target.command(f"cancel {batch.batch_id}"): "end it now; its remaining items can be redriven",
            **watch,
        }
    if seen and (seen.trouble or seen.stage == "stalled"):
        return {
            target.command(f"explain {batch.batch_id}"): "why it stands",
            target.command(
                f"logs {batch.architecture} --since 1h"
            ): "the functions' log lines: the batch makes no progress",
            target.command(f"cancel {batch.batch_id}"): "end it now; its remaining items can be redriven",
            **watch,
        }
    return watch


def progress_json(seen: Progress | Result | None) -> dict[str, Any]:
    """The fields that `--json` adds for an open batch."""
    if not isinstance(seen, Progress):
        return {}
    return {
        "items": seen.items,
        "failed": seen.failed,
        "remaining": seen.remaining,
        "chunks": seen.chunks,
        "done": seen.done,
        "stage": seen.stage,
        "unmadeSegments": seen.unmade_segments,
    }
