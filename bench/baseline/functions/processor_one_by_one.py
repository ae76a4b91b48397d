"""Processor: processes each item of its messages, and deletes the item's state item after it."""

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
            TABLE.delete_item(Key={"batchId": message["batchId"], "itemId": item["id"]})
    work.tell()
