"""The duration of single API calls, for one client with boto3."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.engine import Cpu
from rollcall.target.connection import Connection

NAME = "rollcall-bench-calls"
KEY = {"PK": {"S": "batch#1"}}
# As long as a chunk of 100 random items.
BODY = "x" * 4_096
TEN = [{"Id": str(number), "MessageBody": BODY} for number in range(10)]
# The engines take turns, so that what slows the machine for a while slows both.
TURNS = 5

type Call = Callable[[], Any]


def calls(connection: Connection) -> dict[str, Call]:
    """Create a table with an item, and a queue; returns the calls to them by name, in the order to make them."""
    dynamodb, sqs = connection.client("dynamodb"), connection.client("sqs")
    dynamodb.create_table(
        TableName=NAME,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=NAME, WaiterConfig={"Delay": 0.1})
    dynamodb.put_item(TableName=NAME, Item={**KEY, "seen": {"N": "0"}, "state": {"S": "OPEN"}})
    queue = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    return {
        "GetItem": lambda: dynamodb.get_item(TableName=NAME, Key=KEY)["Item"],
        "UpdateItem with a condition": lambda: dynamodb.update_item(
            TableName=NAME,
            Key=KEY,
            UpdateExpression="SET seen = seen + :one",
            ConditionExpression="#state = :open",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":one": {"N": "1"}, ":open": {"S": "OPEN"}},
        ),
        "SendMessageBatch of 10 x 4 KB": lambda: sqs.send_message_batch(QueueUrl=queue, Entries=TEN)["Successful"],
        # There are as many left as were sent.
        "ReceiveMessage of 10 x 4 KB": lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"],
    }


def take_turns(
    made: Sequence[Call], cpus: Sequence[Callable[[], Cpu]], times: int
) -> tuple[list[list[float]], list[float]]:
    """Make each engine's call `times` times, the engines in turns.

    Returns the milliseconds of the calls, and the seconds by which each engine's own CPU grew in its turns.
    """
    took: list[list[float]] = [[] for _ in made]
    used = [0.0 for _ in made]
    for turn in shares(times, TURNS):
        for place, (call, cpu) in enumerate(zip(made, cpus, strict=True)):
            before = cpu()
            took[place] += [milliseconds(call) for _ in range(turn)]
            used[place] += cpu().since(before).engine
    return took, used


def shares(times: int, turns: int) -> list[int]:
    """`times` split into that many numbers which are as equal as possible."""
    return [times * (turn + 1) // turns - times * turn // turns for turn in range(turns)]


def milliseconds(call: Call) -> float:
    """The duration of one call."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
