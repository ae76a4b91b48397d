"""`rollcall explain`: says in one sentence why a batch stands."""

import typer
from rich.text import Text

from bootstrap.problem import Problem
from rollcall.api.batch import Batch
from rollcall.batches.explain import explain as explanation_of
from rollcall.batches.explain import why_not_started
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import print_json, print_next, print_rows, stdout
from rollcall.terminal.options import BatchId, Generation, Json, OfArchitecture

app = typer.Typer()


@app.command(
    epilog="It reads only: the batch's records or execution, and the queues, event sources, functions and logs of its "
    "stack.\n\nExample: [bold]rollcall explain demo-1[/]"
)
@targeted
def explain(
    target: Target,
    batch_id: BatchId,
    architecture: OfArchitecture = None,
    generation: Generation = None,
    as_json: Json = False,
) -> None:
    """Print the sentence, the facts that it rests on, and the command to run next. It may say that it does not know."""
    connection = connect(target)
    try:
        batch = Batch.find(connection, batch_id, architecture, generation)
    except Problem as problem:
        if reasons := why_not_started(connection, architecture):
            raise Problem(f"{problem}; its request may wait: {'; '.join(reasons)}", problem.hint) from None
        raise
    found = explanation_of(connection, batch)
    if as_json:
        head = {"batchId": batch.batch_id, "generation": batch.generation, "architecture": batch.architecture}
        print_json({**head, **found.to_json()})
        return
    stdout.print(Text(found.sentence, "bold"), soft_wrap=True)
    stdout.print()
    print_rows(found.evidence.items())
    if found.command:
        print_next({target.command(found.command): "what to run next"})
