"""What a child's states pass on of a chunk: a reference to it at first, and its items once a processor has read them.

So a child's input is small however large its chunks are, and a child that has no time left hands on what it has.
"""

import json
from typing import cast

from handlers.core.json_text import JsonObject
from handlers.sfn.states import ProcessorInput, error_in
from handlers.sfn.store import BatchObjects

# What belongs to one attempt. Another attempt, which the state machine has counted, is one at all items of the chunk.
OF_AN_ATTEMPT = ("failures", "suspects", "oneByOne")


def with_items(event: ProcessorInput, objects: BatchObjects) -> ProcessorInput:
    """The input with its chunk's items, and with what another child has left of the chunk."""
    chunk = event["chunk"]
    if "left" in chunk:
        left = objects.left(chunk["left"])
        if event["attempt"] > left["attempt"]:
            left = {name: value for name, value in left.items() if name not in OF_AN_ATTEMPT}
        # What this child has added: its batch names another run, and the processor may have died since.
        added = {name: value for name, value in event.items() if name in ("batch", "attempt", "died", "error")}
        return with_items(cast(ProcessorInput, left | added), objects)
    if "items" not in chunk:
        return {**event, "chunk": {"seq": chunk["seq"], "items": objects.items_at(chunk["at"], chunk["bytes"])}}
    return event


def failures_in(event: ProcessorInput) -> list[JsonObject]:
    """The failure records of what the processor answered last.

    The errors of the last items are its `failures`. If it died, the `error` it died of is that of the others.
    """
    died = error_in(event.get("error", {}))[:1000]
    return _records(event, died)


def _records(event: ProcessorInput, error: str) -> list[JsonObject]:
    items, final = event["chunk"]["items"], event.get("final") or {"items": [], "errors": []}
    failures = event.get("failures", [])
    others = [error] * (len(items) - len(failures))
    failed = zip([*items, *final["items"]], [*others, *failures, *final["errors"]], strict=True)
    return [{"item": item, "error": text, "attempts": event["attempt"]} for item, text in failed]


def chunks_of(child: JsonObject) -> list[ProcessorInput]:
    """The inputs that a child made of its own for its chunks."""
    given = json.loads(child["input"])
    return [
        {"batch": given["batch"], "chunk": chunk, "attempt": chunk.get("attempt", 1)}
        for chunk in (given["given"]["chunks"] if "given" in given else [given["chunk"]])
    ]


def failures_of(child: JsonObject, event: ProcessorInput) -> list[JsonObject]:
    """The failure records of a chunk, with its items, whose child died."""
    error = f"its execution ended {child['status']}: {child.get('error', '')} {child.get('cause', '')}"[:1000]
    return [record | {"attempts": 1} for record in _records(event, error)]
