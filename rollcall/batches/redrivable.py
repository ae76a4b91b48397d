"""Whether the failed and remaining items of a batch can be run again, and which these are."""

from collections.abc import Callable, Iterator
from typing import Any

from bootstrap.problem import Problem
from costs.format import count
from handlers.core.batch import MAX_PATTERN, is_utf_8
from handlers.core.files.unreadable import NOT_READ
from handlers.core.quoting import shown
from handlers.core.rejected import ERROR_KEY
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.failure_groups import selected
from rollcall.batches.places import only_rejected

type Failures = Iterator[dict[str, Any]]


def redrivable(batch: OneBatch, error: str | None, read: Callable[[Failures], Failures] = iter) -> str:
    """What a redrive of the batch runs, in words: all that failed, or those that the pattern `error` selects.

    `read` may show that a long list is being read. Raises Problem while the batch runs, and if a redrive would run
    nothing or not help.
    """
    result = refuse_unless_redrivable(batch, batch.observe())
    if error is not None:
        return of_the_failed(batch, error, result, read)
    if is_hopeless(batch, result):
        raise would_not_help(batch, result.failed or 0)
    return count((result.failed or 0) + (result.remaining or 0), "item")


def is_hopeless(batch: OneBatch, result: Result) -> bool:
    """Whether a redrive would not help: nothing remains, and no failed item is a valid item."""
    return bool(result.failed) and not result.remaining and only_rejected(batch)


def of_the_failed(batch: OneBatch, error: str, result: Result, read: Callable[[Failures], Failures]) -> str:
    """What a redrive of the items with that error runs, and what it keeps. Raises Problem if it would run none."""
    if len(error) > MAX_PATTERN or not is_utf_8(error):
        raise Problem(f"--error: expected a text of 1 to {MAX_PATTERN:,} characters, found {len(error):,}")
    found = rejected = 0
    for failure in selected(read(batch.failed_items()), error):
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
