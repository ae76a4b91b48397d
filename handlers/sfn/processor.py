"""Processor: processes one chunk. Its pending items come back in the child execution's next round."""

import functools

from handlers import work
from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import service_errors_renamed
from handlers.aws.results import ResultStore, store
from handlers.aws.surroundings import put_back
from handlers.aws.telemetry import put_metrics
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import JsonObject, unsealed
from handlers.core.rejected import cut
from handlers.core.run_items import STOP_MS, Results, run_items
from handlers.sfn.fence import Fence
from handlers.sfn.states import ProcessorInput

# A state's output is at most 256 KiB, of which items take 200. A chunk's errors, quotes and commas share this part.
ERRORS_BYTES = 32 * 1024
NEVER_TRIED = "not processed: every attempt at its chunk ran out of time"


@functools.cache
def fence() -> Fence:
    """The function's fence; made once per environment."""
    return Fence(own_s3(), settings.text("BATCH_BUCKET"))


@functools.cache
def result_store() -> ResultStore | None:
    """The store for results, if the stack collects them; made once per environment."""
    return store()


def keep_results(results: ResultStore, event: ProcessorInput, found: Results) -> None:
    """Store the results of this round under a name of its own, which only a repetition of the round has again.

    A round that was cut short goes on under the same attempt, but with fewer items.
    """
    batch, chunk = event["batch"], event["chunk"]
    name = f"{chunk['seq']:09d}-{event['attempt']:02d}-{len(chunk['items']):05d}"
    lines = ((str(unsealed(chunk["items"][index])["id"]), value) for index, value in sorted(found.values.items()))
    results.put(batch["batchId"], batch["generation"], name, lines)


def handler(event: ProcessorInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the child's Process state.

    Returns the input with only the pending items, and an `outcome`. DONE: none is left. RETRY: try again after a wait.
    CONTINUE: Lambda's time ran out, but some items were done. FAILED: this was the last attempt, or another one would
    not help; `failures` holds an error for each pending item. Raises BatchEnded, and ServiceUnavailable: nothing was
    done.
    """
    batch, items = event["batch"], dict(enumerate(map(unsealed, event["chunk"]["items"])))
    clock = Clock(context)
    with service_errors_renamed():
        fence().pass_open(batch["batchId"], batch["generation"], clock)
    kept = result_store()
    with put_back():
        results = run_items(
            items, work.process, batch["itemConcurrency"], lambda longest: clock.has(STOP_MS, longest), bool(kept)
        )
    if kept:
        keep_results(kept, event, results)
    answer = answer_to(event, results)
    failed = {"ItemsFailed": len(answer["failures"])} if "failures" in answer else {}
    put_metrics({"workMs": results.work_ms}, ItemsProcessed=len(results.done), **failed)
    return answer


def answer_to(event: ProcessorInput, results: Results) -> JsonObject:
    """The answer to the state machine; see `handler`."""
    batch, chunk, attempt = event["batch"], event["chunk"], event["attempt"]
    items = chunk["items"]
    errors = results.failed | dict.fromkeys(results.left, NEVER_TRIED)
    if not errors:
        return {"outcome": "DONE", "seq": chunk["seq"]}
    pending = sorted(errors)
    answer = {"batch": batch, "chunk": {"seq": chunk["seq"], "items": [items[index] for index in pending]}}
    if results.left and results.done:
        return {**answer, "outcome": "CONTINUE", "attempt": attempt}
    # Invalid items stay in the chunk during retries but are never passed to `process`.
    if attempt < batch["maxAttempts"] and errors.keys() - results.invalid:
        return {**answer, "outcome": "RETRY", "attempt": attempt + 1}
    room = max(0, ERRORS_BYTES // len(pending) - 3)
    return {
        **answer,
        "outcome": "FAILED",
        "attempt": attempt,
        "failures": [cut(errors[index], room) for index in pending],
    }
