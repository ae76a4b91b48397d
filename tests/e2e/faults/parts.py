"""What the tests of faults inject, and what they look at."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rollcall.target.engine_client import ask
from sandbox.state import Sandbox
from tests.faults import PATH

# Answers whether its call worked, or how it failed, after as many attempts as `attempts` says.
CALLER = """
import os, time
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"], config=Config(retries={"total_max_attempts": event.get("attempts", 1)}))
    try:
        answer = getattr(client, event["call"])(**event["arguments"])
    except ClientError as error:
        answer = {"error": error.response["Error"]["Code"], "class": type(error).__name__,
                  "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
    time.sleep(event.get("rest", 0))
    answer["attempts"] = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
    return answer
"""

type Inject = Callable[..., Callable[[], dict[str, Any]]]


def request(sandbox: Sandbox, method: str, body: Any = None) -> tuple[int, Any]:
    status, content = ask(sandbox.endpoint, method, PATH, None if body is None else json.dumps(body))
    return status, json.loads(content) if content else None


def put(table: str, id: str = "a") -> dict[str, Any]:
    return {"service": "dynamodb", "call": "put_item", "arguments": {"TableName": table, "Item": {"id": {"S": id}}}}


def stored(aws: Callable[[str], Any], table: str) -> set[str]:
    return {item["id"]["S"] for item in aws("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]}


def name_of(queue_url: str) -> str:
    return queue_url.rpartition("/")[2]


def rule(aws, undo: ExitStack, queue: str, **settings: Any) -> str:
    """A rule that delivers to the queue."""
    events, name = aws("events"), name_of(queue)
    events.put_rule(Name=name, **settings)
    undo.callback(events.delete_rule, Name=name)
    arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    undo.callback(events.remove_targets, Rule=name, Ids=["queue"])
    return name


def received(aws, queue: str) -> list[dict[str, Any]]:
    """The events in the queue, which is empty afterwards."""
    found, sqs = [], aws("sqs")
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found
