"""`rollcall status`: where everything is, and how the latest batches went."""

from typing import Any

from rich.measure import Measurement
from rich.table import Table

from rollcall.architectures import deployed, find
from rollcall.batches import Progress, Result
from rollcall.connection import ARCHITECTURE_TITLES, Connection, connect
from rollcall.progress import Pace, describe
from rollcall.summary import print_summary, styled_status
from rollcall.target import Target
from rollcall.terminal import count, print_json, seconds, stdout

RECENT = 10
FAILED_ITEMS_SHOWN = 10


def status(target: Target, batch_id: str | None, as_json: bool) -> None:
    """Show everything, or one batch."""
    connection = connect(target)
    if batch_id:
        show_batch(connection, batch_id, as_json)
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
    """Print where this is and every output of the stacks, each value whole for copying."""
    stdout.print(f"[bold]{connection.place}[/]" + (f"  {connection.engine} engine" if connection.engine else ""))
    for architecture, stack in connection.stacks.items():
        stdout.print(f"\n[bold]{stack.name}[/]  [dim]{ARCHITECTURE_TITLES[architecture]}[/]", soft_wrap=True)
        width = max(map(len, stack.outputs))
        for key, value in stack.outputs.items():
            stdout.print(f"  [dim]{key:<{width}}[/]  {value}", soft_wrap=True)


def print_recent(results: list[Result], target: Target) -> None:
    """Print the latest batches with their counts."""
    if not results:
        stdout.print(f"\nno batch has run yet  [dim]{target.command('run sqs')}[/]", soft_wrap=True)
        return
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    for header in ("batch", "", "status"):
        table.add_column(header, no_wrap=True)
    for header in ("items", "failed", "left", "chunks", "took"):
        table.add_column(header, justify="right", no_wrap=True)
    for result in results:
        table.add_row(
            result.batch_id,
            result.architecture,
            styled_status(result.status),
            *map(count, (result.items, result.failed, result.remaining, result.chunks)),
            seconds(result.duration_seconds),
        )
    stdout.print()
    # Wider than the terminal rather than cut: the ids are there to be copied.
    stdout.print(table, width=max(stdout.width, Measurement.get(stdout, stdout.options, table).maximum), crop=False)


def show_batch(connection: Connection, batch_id: str, as_json: bool) -> None:
    """Show how one batch is or how it ended, and the first items that failed."""
    batches = find(connection, batch_id)
    seen = batches.observe(batch_id)
    failed = batches.failed_items(batch_id, FAILED_ITEMS_SHOWN)
    if as_json:
        known = seen if isinstance(seen, Result) else Result(batch_id, batches.architecture, "OPEN")
        print_json({**known.to_json(), **progress_json(seen), "reason": known.reason, "failedItems": failed})
        return
    if isinstance(seen, Result):
        print_summary(seen)
    else:
        stdout.print(f"Batch [bold]{batch_id}[/]  [bold cyan]OPEN[/]", soft_wrap=True)
        stdout.print(f"  [dim]architecture[/]   {ARCHITECTURE_TITLES[batches.architecture]}")
        stdout.print(f"  [dim]progress[/]       {describe(seen, Pace())}", soft_wrap=True)
    if failed:
        stdout.print(f"\nfailed items [dim](the first {FAILED_ITEMS_SHOWN} at most)[/]")
    for entry in failed:
        item = entry["item"]
        label = item.get("id", item) if isinstance(item, dict) else item
        text = f"  {label}  after {count(entry['attempts'], 'attempt')}: {entry['error']}"
        stdout.print(text, markup=False, soft_wrap=True)


def progress_json(seen: Progress | Result | None) -> dict[str, Any]:
    """What `--json` adds about a batch that is still open."""
    if not isinstance(seen, Progress):
        return {}
    return {"items": seen.items, "failed": seen.failed, "chunks": seen.chunks, "done": seen.done, "stage": seen.stage}
