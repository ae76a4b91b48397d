"""Batcher: for each message first a record of every item, then the message, each in a call of its own; then a check.

The example in the specification sends a message before it writes the records, and starts to check at the start. Both
lose batches whose processors are quick: an item that is deleted before it is written stays for ever. The order here
costs the same.
"""

import json
import os

import boto3
from items import drawn

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
SQS = boto3.client("sqs")


def handler(event, context):
    """`event`: `batchId`, `items`, `itemsPerMessage`, `maxValue`."""
    print(json.dumps(event))
    batch_id, size = event["batchId"], event["itemsPerMessage"]
    items = drawn(batch_id, event["items"], event["maxValue"])
    for start in range(0, len(items), size):
        message = {"batchId": batch_id, "items": items[start : start + size]}
        for item in message["items"]:
            TABLE.put_item(Item={"batchId": batch_id, "itemId": item["id"], "value": item["value"], "status": "queued"})
        SQS.send_message(QueueUrl=os.environ["ITEM_QUEUE_URL"], MessageBody=json.dumps(message))
    SQS.send_message(
        QueueUrl=os.environ["CHECK_QUEUE_URL"],
        MessageBody=json.dumps({"batchId": batch_id, "items": len(items)}),
        DelaySeconds=int(os.environ["POLL_SECONDS"]),
    )
