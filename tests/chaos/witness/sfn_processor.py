"""Around handlers/sfn/processor.py: tells what the state machine is about to be told, as the last thing it does."""

from handlers.sfn.processor_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.sfn import processor_itself


def handler(event: dict, context) -> dict:
    """Lambda entry, watched."""
    batch, chunk = event["batch"], event["chunk"]
    witness.works_on(batch["batchId"], batch["generation"], chunk["seq"])
    given = [item["id"] for item in chunk["items"]]
    witness.tell("invoked", **witness.chunk, items=given)
    answer = processor_itself.handler(event, context)
    pending = {item["id"] for item in answer.get("chunk", {}).get("items", [])}
    witness.tell("answer", **witness.chunk, items=[item for item in given if item not in pending])
    return answer
