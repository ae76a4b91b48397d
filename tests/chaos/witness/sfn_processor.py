"""Around handlers/sfn/processor.py: tells what the state machine is about to be told, as the last thing it does."""

from handlers.sfn.processor_itself import *  # noqa: F403 - takes the module's place, whatever others want of it

from handlers import witness
from handlers.aws.errors import service_errors_renamed
from handlers.sfn import processor_itself
from handlers.sfn.handed_on import with_items


def handler(event: dict, context) -> dict:
    """Lambda entry, watched."""
    if "probe" in event:
        return processor_itself.handler(event, context)
    batch = event["batch"]
    with service_errors_renamed():
        event = with_items(event, processor_itself.batch_objects(batch))
    chunk = event["chunk"]
    witness.works_on(batch["batchId"], batch["generation"], chunk["seq"])
    here = witness.chunk()
    # Those that have failed in this attempt follow those that are processed.
    given = [item["id"] for item in chunk["items"]][: len(chunk["items"]) - len(event.get("failures", []))]
    witness.tell("invoked", **here, items=given)
    answer = processor_itself.handler(event, context)
    left = [*answer.get("chunk", {}).get("items", []), *answer.get("final", {}).get("items", [])]
    pending = {item["id"] for item in left}
    witness.tell("answer", **here, items=[item for item in given if item not in pending])
    return answer
