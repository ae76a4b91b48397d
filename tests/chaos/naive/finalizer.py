"""Finalizer, the obvious way: looks whether the batch is through and not announced, announces it, notes that it did."""

import json
import os

from handlers.sqs.counter import change, client

from handlers import witness
from handlers.aws.events import FINISHED, Events


def handler(event: dict, context) -> None:
    """Lambda entry: batches to look at."""
    for record in event["Records"]:
        finish(json.loads(record["body"])["batchId"])


def finish(batch_id: str) -> None:
    record = change(batch_id, "ADD looks :one", {":one": {"N": "1"}})
    if int(record.get("pending", {"N": "0"})["N"]) != 0 or "notified" in record:
        return
    items, failed = int(record["itemCount"]["N"]), len(record.get("failed", {"SS": []})["SS"])
    detail = {
        "batchId": batch_id,
        "generation": 1,
        "architecture": "sqs",
        "status": "FAILED" if failed else "SUCCEEDED",
        "items": items,
        "succeeded": items - failed,
        "failed": failed,
        "remaining": 0,
        "reason": None,
    }
    witness.tell("publishing", batch=batch_id, generation=1)
    Events(client("events"), os.environ["EVENT_BUS_NAME"]).publish(FINISHED, detail)
    change(batch_id, "SET notified = :yes", {":yes": {"BOOL": True}})
    witness.tell("notified", batch=batch_id, generation=1)
