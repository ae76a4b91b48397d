"""`rollcall cancel`: ends a batch early. Chunks in progress are finished, all other items remain."""

import typer

from bootstrap.problem import Problem
from rollcall.api.batch import Batch
from rollcall.batches.batch import Result
from rollcall.batches.effects import EFFECT
from rollcall.commands.run import follow_to_end, print_open, report
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr
from rollcall.terminal.options import BatchId, Json, NoWait, OfArchitecture

app = typer.Typer()


@app.command(
    epilog="What remains can be run later: [bold]rollcall redrive BATCH[/]\n\n"
    "Exit codes: 0 the batch ended CANCELLED, 1 it ended otherwise, 2 usage or environment."
)
@targeted
def cancel(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Cancel a batch and show its progress to its end; exits with 1 if it does not end CANCELLED."""
    batch = Batch.find(connect(target), batch_id, architecture)
    before = batch.observe()
    if isinstance(before, Result):
        ended = f"it ended {before.status} at {before.finished_at}"
        raise Problem(f"batch {batch.title} is not running: {ended}", f"see `rollcall status {batch_id}`")
    stderr.print(f"cancelling batch [bold]{batch.title}[/]: {EFFECT[batch.architecture]}", soft_wrap=True)
    if not batch.cancel():
        stderr.print("[dim]it is already ending[/]")
    if no_wait:
        print_open(batch, "is being cancelled", before.items if before else None, target, as_json)
        return
    report(follow_to_end(batch), target, as_json, wanted="CANCELLED")
