"""`rollcall cancel`: end a batch early, with what is being processed finished and the rest counted as remaining."""

import typer

from rollcall.architectures import find
from rollcall.batches import OneBatch, Progress, Result
from rollcall.connection import connect
from rollcall.errors import Problem
from rollcall.follow import until_ended
from rollcall.progress import display
from rollcall.run import goes_on
from rollcall.summary import print_summary, what_to_try
from rollcall.target import Target
from rollcall.terminal import print_json, print_next, stderr, stdout

EFFECT = {
    "sqs": "chunks that are being processed are finished, no other is begun",
    "sfn": "its execution is stopped, and every chunk's that is not through",
}


def cancel(target: Target, batch_id: str, architecture: str | None, wait: bool, as_json: bool) -> None:
    """Cancel a batch and show it to its end; exits with 1 if it ends otherwise than CANCELLED."""
    batch = find(connect(target), batch_id, architecture)
    before = batch.observe()
    if isinstance(before, Result):
        raise Problem(f"batch {batch.title} is not running: it {words(before)}", f"see `rollcall status {batch_id}`")
    stderr.print(f"cancelling batch [bold]{batch.title}[/]: {EFFECT[batch.architecture]}", soft_wrap=True)
    if not batch.batches.cancel(batch_id, batch.generation):
        stderr.print("[dim]it is ending already[/]")
    if not wait:
        tell_cancelled(batch, before, target, as_json)
        return
    with display(batch.architecture) as shown:
        try:
            result = until_ended(batch, shown)
        except KeyboardInterrupt:
            raise goes_on(batch_id) from None
    if as_json:
        print_json(result.to_json())
    else:
        print_summary(result)
        if advice := what_to_try(result, target):
            print_next(advice)
    if result.status != "CANCELLED":
        raise typer.Exit(1)


def tell_cancelled(batch: OneBatch, before: Progress | None, target: Target, as_json: bool) -> None:
    """Print that the batch is being cancelled, and how to watch it."""
    if as_json:
        items = before.items if before else None
        print_json(Result(batch.batch_id, batch.architecture, "OPEN", batch.generation, items).to_json())
        return
    stdout.print(f"batch [bold]{batch.title}[/] is being cancelled", soft_wrap=True)
    stdout.print(f"[dim]{target.command('watch ' + batch.batch_id)}[/]", soft_wrap=True)


def words(result: Result) -> str:
    """`SUCCEEDED at 2026-11-23T06:00:04.000Z`."""
    return f"{result.status} at {result.finished_at}"
