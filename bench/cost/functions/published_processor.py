"""Processor: logs its event. It marks each item, processes it, deletes its record and counts it in a metric."""

import json
import os

import boto3
from work import Work

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
CLOUDWATCH = boto3.client("cloudwatch")
ALREADY = TABLE.meta.client.exceptions.ConditionalCheckFailedException


def handler(event, context):
    """Messages of the item queue."""
    print(json.dumps(event))
    work = Work()
    for record in event["Records"]:
        message = json.loads(record["body"])
        for item in message["items"]:
            key = {"batchId": message["batchId"], "itemId": item["id"]}
            if begun(key):
                work.do(item)
                TABLE.delete_item(Key=key)
                CLOUDWATCH.put_metric_data(
                    Namespace="Published", MetricData=[{"MetricName": "ItemProcessed", "Unit": "Count", "Value": 1}]
                )
    work.tell()
    return {"batchItemFailures": []}


def begun(key):
    """Mark the item as in progress; false if another invocation has marked it before."""
    try:
        TABLE.update_item(
            Key=key,
            UpdateExpression="SET #status = :processing",
            ConditionExpression="#status = :queued",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":processing": "processing", ":queued": "queued"},
        )
    except ALREADY:
        return False
    return True
