"""`rollcall redrive`: runs the failed and remaining items of a batch again, as its next generation."""

import typer

from bootstrap.problem import Problem
from costs.format import count
from handlers.core.batch import MAX_PATTERN, is_utf_8
from handlers.core.files.unreadable import NOT_READ
from handlers.core.quoting import shown
from handlers.core.rejected import ERROR_KEY
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.failure_groups import selected
from rollcall.batches.find import find
from rollcall.commands.run import is_hopeless, print_open, report, start_to_end
from rollcall.target.connection import connect
from rollcall.target.target import Target, targeted
from rollcall.terminal.console import stderr
from rollcall.terminal.options import Batch, ErrorPattern, Json, NoWait, OfArchitecture
from rollcall.views.reading import counted

app = typer.Typer()


@app.command(
    epilog="With --error the other failed items stay failed: the new generation counts them, and a later redrive can "
    "run them.\n\nExit codes: 0 the new generation SUCCEEDED, 1 it finished otherwise, 2 usage or environment."
)
@targeted
def redrive(
    target: Target,
    batch_id: Batch,
    architecture: OfArchitecture = None,
    error: ErrorPattern = None,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Redrive a batch's latest generation; exits with 1 if the new one does not end SUCCEEDED."""
    connection = connect(target)
    ended = find(connection, batch_id, architecture)
    result = refuse_unless_redrivable(ended, ended.observe())
    if error is None and is_hopeless(ended, result):
        raise would_not_help(ended, result.failed or 0)
    following, remaining = ended.redriven(), result.remaining or 0
    again = count((result.failed or 0) + remaining, "item")
    if error is not None:
        again = of_the_failed(ended, error, result)
    stderr.print(f"redriving batch [bold]{batch_id}[/]: {again}, as generation {following.generation}", soft_wrap=True)

    def start() -> None:
        ended.batches.redrive(batch_id, ended.generation, error)

    if no_wait:
        start()
        print_open(following, "is started", None, target, as_json)
        return
    report(connection, start_to_end(connection, following, start), target, as_json)


def of_the_failed(batch: OneBatch, error: str, result: Result) -> str:
    """What a redrive of the items with that error runs, and what it keeps. Raises Problem if it would run none."""
    if len(error) > MAX_PATTERN or not is_utf_8(error):
        raise Problem(f"--error: expected a text of 1 to {MAX_PATTERN:,} characters, found {len(error):,}")
    found = rejected = 0
    for failure in selected(counted(batch.failed_items()), error):
        found += 1
        rejected += ERROR_KEY in failure["item"]
    if not found:
        raise Problem(
            f"--error: no failed item of batch {batch.title} has the error {shown(error)}",
            f"see the patterns that select them with `rollcall failures {batch.batch_id} --group`",
        )
    if found == rejected:
        raise would_not_help(batch, found)
    others = (result.failed or 0) - found
    parts = [f"{count(found, 'failed item')} with that error"]
    parts += [f"the {count(result.remaining, 'item')} that remained"] if result.remaining else []
    return " and ".join(parts) + (f"; {count(others, 'other')} stay failed" if others else "")


def would_not_help(batch: OneBatch, failed: int) -> Problem:
    """The refusal to redrive what is no item."""
    return Problem(
        f"a redrive of batch {batch.title} would not help: each of the {count(failed, 'item')} that failed "
        "is a line that is no item, or an invalid item",
        f"see them with `rollcall failures {batch.batch_id}`, fix the file, and run it again",
    )


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
