"""Processor: processes one chunk. Its pending items come back in the child execution's next round."""

import functools
from collections.abc import Collection, Mapping

from handlers.aws import settings
from handlers.aws.bucket_owner import own_s3
from handlers.aws.errors import service_errors_renamed
from handlers.aws.results import ResultStore, store
from handlers.aws.telemetry import put_counts
from handlers.core.clock import Clock, LambdaContext
from handlers.core.json_text import Item, JsonObject, unsealed
from handlers.core.run_items import Results
from handlers.sfn.fence import Fence
from handlers.sfn.handed_on import with_items
from handlers.sfn.round import Round
from handlers.sfn.states import BatchOfChunk, ProbeInput, ProcessorInput
from handlers.sfn.store import BatchObjects
from handlers.worker import WORKER


@functools.cache
def fence() -> Fence:
    """The function's fence; made once per environment."""
    return Fence(own_s3(), settings.text("BATCH_BUCKET"))


def batch_objects(batch: BatchOfChunk) -> BatchObjects:
    """The objects of a batch."""
    return BatchObjects(own_s3(), settings.text("BATCH_BUCKET"), batch["batchId"], batch["generation"])


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


def handler(event: ProcessorInput | ProbeInput, context: LambdaContext) -> JsonObject:
    """Lambda entry: the state machine's Try the work, and the child's Process.

    To try the work is to import it. Otherwise see Round.answer for what is returned. Raises BatchEnded,
    ServiceUnavailable and WorkCannotStart: nothing was done.
    """
    clock = Clock(context)
    if "probe" in event:
        WORKER.ready(clock)
        return {}
    batch = event["batch"]
    with service_errors_renamed():
        fence().pass_open(batch["batchId"], batch["generation"], clock)
        if "items" not in event["chunk"]:
            event = with_items(event, batch_objects(batch))
    kept = result_store()
    this = Round(event)
    about = {"batch_id": batch["batchId"], "seq": event["chunk"]["seq"], "attempt": event["attempt"]}

    def run(items: Mapping[int, Item], alone: Collection[int]) -> Results:
        return WORKER.run(items, batch["itemConcurrency"], clock, about=about, keep_values=bool(kept), alone=alone)

    this.work(run)
    if kept:
        keep_results(kept, event, this.found)
    answer = this.answer()
    failed = {"ItemsFailed": len(answer["failures"])} if answer["outcome"] == "FAILED" else {}
    put_counts({"workMs": this.found.work_ms}, ItemsProcessed=len(this.found.done), **failed)
    return answer
