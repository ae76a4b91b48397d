"""Processor: processes all items of a message, then deletes their state items, 25 in a call."""

import json
import os

import boto3
from work import Work

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def handler(event, context):
    """Messages of the item queue."""
    work = Work()
    for record in event["Records"]:
        message = json.loads(record["body"])
        for item in message["items"]:
            work.do(item)
        with TABLE.batch_writer() as writer:
            for item in message["items"]:
                writer.delete_item(Key={"batchId": message["batchId"], "itemId": item["id"]})
    work.tell()
