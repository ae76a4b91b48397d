"""Finalizer: queries until no state item of the batch is left, then publishes the event."""

import json
import os
import time

import boto3
from boto3.dynamodb.conditions import Key

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
EVENTS = boto3.client("events")
# Short compared with a batch's duration, and few queries compared with its writes.
POLL_SECONDS = 0.2


def handler(event, context):
    """`event`: `batchId`, `items`."""
    left = {"KeyConditionExpression": Key("batchId").eq(event["batchId"]), "Limit": 1, "ConsistentRead": True}
    while TABLE.query(**left)["Items"]:
        time.sleep(POLL_SECONDS)
    detail = {"batchId": event["batchId"], "generation": 1, "status": "SUCCEEDED", "succeeded": event["items"]}
    EVENTS.put_events(
        Entries=[{"Source": "rollcall", "DetailType": "Batch Finished", "Detail": json.dumps(detail)}],
    )
