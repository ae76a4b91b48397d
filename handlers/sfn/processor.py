"""Processor: works on one chunk; what is not done comes back in the child execution's next round."""

import functools

from handlers import work
from handlers.aws.results import ResultStore, store
from handlers.aws.surroundings import put_back
from handlers.aws.telemetry import put_metrics
from handlers.core.clock import Clock
from handlers.core.json_text import unsealed
from handlers.core.rejected import cut
from handlers.core.run_items import STOP_MS, Results, run_items

# A state's output is 256 KiB at most, 200 of them items: the errors of a chunk share this, quotes and commas too.
ERRORS_BYTES = 32 * 1024
NEVER_TRIED = "not processed: every attempt at its chunk ran out of time"


@functools.cache
def result_store() -> ResultStore | None:
    """Where results go, if they are collected; made once an environment."""
    return store()


def keep_results(results: ResultStore, event: dict, found: Results) -> None:
    """Put what this round's items came to under a name of the round's own.

    A round that was cut short goes on under the same attempt with fewer items, and one that died is repeated with the
    same: its object is then written again.
    """
    batch, chunk = event["batch"], event["chunk"]
    name = f"{chunk['seq']:09d}-{event['attempt']:02d}-{len(chunk['items']):05d}"
    lines = ((str(unsealed(chunk["items"][index])["id"]), value) for index, value in sorted(found.values.items()))
    results.put(batch["batchId"], batch["generation"], name, lines)


def handler(event: dict, context) -> dict:
    """Lambda entry: the child's Process state, `{"batch", "chunk": {"seq", "items"}, "attempt"}`.

    Returns the same with only the pending items left and an `outcome`: DONE; RETRY, to be tried again after a wait;
    CONTINUE, cut short by Lambda's time but getting on; FAILED after the last attempt or where another would not help,
    with `failures`, one error for each pending item.
    """
    batch, items = event["batch"], dict(enumerate(map(unsealed, event["chunk"]["items"])))
    clock = Clock(context)
    kept = result_store()
    with put_back():
        results = run_items(
            items,
            work.process,
            batch["itemConcurrency"],
            lambda longest: clock.has(STOP_MS, longest),
            keep_values=kept is not None,
        )
    if kept:
        keep_results(kept, event, results)
    answer = answer_to(event, results)
    failed = {"ItemsFailed": len(answer["failures"])} if "failures" in answer else {}
    put_metrics({"workMs": results.work_ms}, ItemsProcessed=len(results.done), **failed)
    return answer


def answer_to(event: dict, results: Results) -> dict:
    """What the state machine is told of a round; see `handler`."""
    batch, chunk, attempt = event["batch"], event["chunk"], event["attempt"]
    items = chunk["items"]
    errors = results.failed | dict.fromkeys(results.left, NEVER_TRIED)
    if not errors:
        return {"outcome": "DONE", "seq": chunk["seq"]}
    pending = sorted(errors)
    answer = {"batch": batch, "chunk": {"seq": chunk["seq"], "items": [items[index] for index in pending]}}
    if results.left and results.done:
        return {**answer, "outcome": "CONTINUE", "attempt": attempt}
    # What is no item travels along while others are tried again, and is never processed.
    if attempt < batch["maxAttempts"] and errors.keys() - results.invalid:
        return {**answer, "outcome": "RETRY", "attempt": attempt + 1}
    room = max(0, ERRORS_BYTES // len(pending) - 3)
    return {
        **answer,
        "outcome": "FAILED",
        "attempt": attempt,
        "failures": [cut(errors[index], room) for index in pending],
    }
