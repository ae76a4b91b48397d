"""`rollcall redrive`: runs the failed and remaining items of a batch again, as its next generation."""

import typer

from rollcall.api.batch import Batch
from rollcall.batches.redrivable import redrivable
from rollcall.commands.run import print_open, report, start_to_end
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr
from rollcall.terminal.options import BatchId, ErrorPattern, Json, NoWait, OfArchitecture
from rollcall.views.reading import counted

app = typer.Typer()


@app.command(
    epilog="With --error the other failed items stay failed: the new generation counts them, and a later redrive can "
    "run them.\n\nExit codes: 0 the new generation SUCCEEDED, 1 it finished otherwise, 2 usage or environment."
)
@targeted
def redrive(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    error: ErrorPattern = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Redrive a batch's latest generation; exits with 1 if the new one does not end SUCCEEDED."""
    ended = Batch.find(connect(target), batch_id, architecture)
    again, following = redrivable(ended, error, counted), ended.redriven(error)
    stderr.print(f"redriving batch [bold]{batch_id}[/]: {again}, as generation {following.generation}", soft_wrap=True)
    if no_wait:
        following.start()
        print_open(following, "is started", None, target, as_json)
        return
    report(start_to_end(following), target, as_json)
