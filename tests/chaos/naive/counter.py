"""A counter of the chunks on their way, and what else the obvious implementation keeps in the stack's table."""

import json
import os
from functools import cache
from typing import Any

import boto3


@cache
def client(service: str) -> Any:
    return boto3.client(service)


def change(batch_id: str, update: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Change the batch's one record; returns it as it is then."""
    return client("dynamodb").update_item(
        TableName=os.environ["TABLE_NAME"],
        Key={"PK": {"S": f"batch#{batch_id}"}, "SK": {"S": "counter"}},
        UpdateExpression=update,
        ReturnValues="ALL_NEW",
        **({"ExpressionAttributeValues": values} if values else {}),
    )["Attributes"]


def add_pending(batch_id: str, chunks: int) -> int:
    """So many more chunks are on their way, or fewer; returns how many there are now."""
    record = change(batch_id, "ADD pending :n", {":n": {"N": str(chunks)}})
    return int(record["pending"]["N"])


def add_failed(batch_id: str, ids: list[str]) -> None:
    """These items have failed for good."""
    change(batch_id, "ADD failed :ids", {":ids": {"SS": ids}})


def ask_finalizer(batch_id: str) -> None:
    client("sqs").send_message(
        QueueUrl=os.environ["FINALIZER_QUEUE_URL"], MessageBody=json.dumps({"batchId": batch_id})
    )
