"""`rollcall watch`: follows a running batch. It only reads."""

import typer

from rollcall.api.batch import Batch
from rollcall.commands.run import follow_to_end, report
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.options import BatchId, Generation, Json, OfArchitecture

# A batch has no record before its batcher has received the message and started.
START_PATIENCE_SECONDS = 5.0

app = typer.Typer()


@app.command(epilog="Example: [bold]rollcall watch scheduled-20261123T060000Z[/]")
@targeted
def watch(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    as_json: Json = False,
) -> None:
    """Show a batch's progress to its end; exits with 1 if it does not end SUCCEEDED."""
    batch = Batch.find(connect(target), batch_id, architecture, generation, START_PATIENCE_SECONDS)
    report(follow_to_end(batch), target, as_json)
