"""Finalizer: checks whether an item of the batch is left. If so, a delayed message makes it check again."""

import json
import os

import boto3
from boto3.dynamodb.conditions import Key

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
SQS = boto3.client("sqs")
EVENTS = boto3.client("events")


def handler(event, context):
    """Messages of the check queue: `batchId`, `items`."""
    print(json.dumps(event))
    for record in event["Records"]:
        batch = json.loads(record["body"])
        if TABLE.query(KeyConditionExpression=Key("batchId").eq(batch["batchId"]), Limit=1)["Count"]:
            SQS.send_message(
                QueueUrl=os.environ["CHECK_QUEUE_URL"],
                MessageBody=record["body"],
                DelaySeconds=int(os.environ["POLL_SECONDS"]),
            )
            continue
        detail = {"batchId": batch["batchId"], "generation": 1, "status": "SUCCEEDED", "succeeded": batch["items"]}
        EVENTS.put_events(
            Entries=[{"Source": "rollcall", "DetailType": "Batch Finished", "Detail": json.dumps(detail)}]
        )
