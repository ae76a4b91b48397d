"""`rollcall redrive`: runs the failed and remaining items of a batch again, as its next generation."""

import typer

from bootstrap.problem import Problem
from costs.format import count
from handlers.core.files.unreadable import NOT_READ
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.find import find
from rollcall.commands.run import is_hopeless, print_open, report, start_to_end
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr
from rollcall.terminal.options import Batch, Json, NoWait, OfArchitecture

app = typer.Typer()


@app.command(epilog="Exit codes: 0 the new generation SUCCEEDED, 1 it finished otherwise, 2 usage or environment.")
@targeted
def redrive(
    target: Target,
    batch_id: Batch,
    architecture: OfArchitecture = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Redrive a batch's latest generation; exits with 1 if the new one does not end SUCCEEDED."""
    connection = connect(target)
    ended = find(connection, batch_id, architecture)
    result = refuse_unless_redrivable(ended, ended.observe())
    if is_hopeless(ended, result):
        raise Problem(
            f"a redrive of batch {ended.title} would not help: each of the {count(result.failed, 'item')} that failed "
            "is a line that is no item, or an invalid item",
            f"see them with `rollcall failures {batch_id}`, fix the file, and run it again",
        )
    following = ended.redriven()
    again = count((result.failed or 0) + (result.remaining or 0), "item")
    stderr.print(f"redriving batch [bold]{batch_id}[/]: {again}, as generation {following.generation}", soft_wrap=True)

    def start() -> None:
        ended.batches.redrive(batch_id, ended.generation)

    if no_wait:
        start()
        print_open(following, "is started", None, target, as_json)
        return
    report(connection, start_to_end(connection, following, start), target, as_json)


def refuse_unless_redrivable(batch: OneBatch, seen: Progress | Result | None) -> Result:
    """The batch's result. Raises Problem while it runs, and if it has nothing to redrive."""
    if not isinstance(seen, Result):
        hint = f"see its end with `rollcall watch {batch.batch_id}`, or end it with `rollcall cancel {batch.batch_id}`"
        raise Problem(f"batch {batch.title} still runs", hint)
    if seen.failed or seen.remaining:
        return seen
    if seen.status == "SUCCEEDED":
        raise Problem(f"batch {batch.title} has nothing to redrive: all of its {count(seen.items, 'item')} succeeded")
    if NOT_READ in (seen.reason or ""):
        raise Problem(
            f"batch {batch.title} has nothing to redrive: what was read of its input succeeded: {seen.reason}",
            f"fix the file and run it again: `rollcall run {batch.architecture} --input FILE`",
        )
    if seen.items:
        # It ended before its input was read to the end: the number of its remaining items is unknown.
        return seen
    raise Problem(
        f"batch {batch.title} has nothing to redrive: it was {seen.status} before it had an item: {seen.reason}",
        f"run it again: `rollcall run {batch.architecture}`",
    )
