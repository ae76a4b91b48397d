"""Batcher: writes a state item for every item, then sends the messages, then starts the finalizer."""

import json
import os

import boto3
from items import drawn

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
QUEUE = boto3.resource("sqs").Queue(os.environ["QUEUE_URL"])
LAMBDA = boto3.client("lambda")


def handler(event, context):
    """`event`: `batchId`, `items`, `itemsPerMessage`, `maxValue`."""
    items = drawn(event["batchId"], event["items"], event["maxValue"])
    # boto3's batch writer sends 25 items in a call, and repeats unprocessed ones.
    with TABLE.batch_writer() as writer:
        for item in items:
            writer.put_item(Item={"batchId": event["batchId"], "itemId": item["id"]})
    size = event["itemsPerMessage"]
    bodies = [
        json.dumps({"batchId": event["batchId"], "items": items[start : start + size]})
        for start in range(0, len(items), size)
    ]
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
        refused = QUEUE.send_messages(Entries=entries).get("Failed")
        if refused:
            raise RuntimeError(f"SQS refused messages: {refused}")
    LAMBDA.invoke(
        FunctionName=os.environ["FINALIZER_NAME"],
        InvocationType="Event",
        Payload=json.dumps({"batchId": event["batchId"], "items": event["items"]}),
    )
