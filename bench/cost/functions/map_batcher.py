"""Batcher: writes the items as one JSON array, over which the Distributed Map runs."""

import json
import os

import boto3
from items import drawn

S3 = boto3.client("s3")


def handler(event, context):
    """`event`: `batchId`, `items`, `maxValue`."""
    key = f"items/{event['batchId']}.json"
    items = drawn(event["batchId"], event["items"], event["maxValue"])
    S3.put_object(Bucket=os.environ["BUCKET"], Key=key, Body=json.dumps(items))
    return {"batchId": event["batchId"], "items": len(items), "bucket": os.environ["BUCKET"], "key": key}
