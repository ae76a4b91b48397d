"""Processor, the obvious way: all items of a message, then one less; whoever brings the counter to 0 asks to finish."""

import json

from handlers.sqs.counter import add_failed, add_pending, ask_finalizer

from handlers import witness, work


def handler(event: dict, context) -> dict:
    """Lambda entry: chunks. A chunk that has a bad item is tried again as a whole."""
    back = []
    for record in event["Records"]:
        chunk = json.loads(record["body"])
        failed = process(chunk)
        last_try = int(record["attributes"]["ApproximateReceiveCount"]) >= chunk["maxAttempts"]
        if failed and not last_try:
            back.append({"itemIdentifier": record["messageId"]})
            continue
        if failed:
            add_failed(chunk["batchId"], failed)
        left = add_pending(chunk["batchId"], -1)
        witness.tell("recorded", **witness.chunk(), indexes=None)
        if left == 0:
            ask_finalizer(chunk["batchId"])
    return {"batchItemFailures": back}


def process(chunk: dict) -> list[str]:
    """Process the chunk's items; returns the ids of those that failed."""
    witness.works_on(chunk["batchId"], 1, chunk["seq"])
    failed = []
    for item in chunk["items"]:
        try:
            work.process(item)
        except RuntimeError:
            failed.append(item["id"])
    return failed
