"""Processor: works on all items of a message, then deletes their state items, 25 a call."""

import json
import os
import time

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    """Messages of the item queue; the work is the specification's sleep."""
    for record in event["Records"]:
        message = json.loads(record["body"])
        for item in message["items"]:
            time.sleep(item["value"] / 1000)
        with TABLE.batch_writer() as writer:
            for item in message["items"]:
                writer.delete_item(Key={"batchId": message["batchId"], "itemId": item["id"]})
