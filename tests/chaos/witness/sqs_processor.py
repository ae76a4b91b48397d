"""Around handlers/sqs/processor.py: tells which items a chunk has, by the messages that are received."""

import json

from handlers.sqs.processor_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.sqs import processor_itself


def handler(event: dict, context) -> dict:
    """Lambda entry, watched."""
    for record in event["Records"]:
        message = json.loads(record["body"])
        ids = [item["id"] for item in message["items"]]
        witness.tell("chunk", batch=message["batchId"], generation=message["generation"], seq=message["seq"], items=ids)
    return processor_itself.handler(event, context)
