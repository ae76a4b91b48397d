"""What PutEvents is billed as: a published event for each 64 KB of each entry; events of AWS services are free.

https://aws.amazon.com/eventbridge/pricing/
"""

import math
from collections.abc import Mapping
from typing import Any

from sandbox.meter.ledger import Unit

STEP_BYTES = 64 * 1024
TIME_BYTES = 14


def units(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Unit]:
    """The units of one call; entries that were refused are free."""
    if operation != "PutEvents":
        return []
    outcomes = answer.get("Entries") or ()
    published = sum(
        max(1, math.ceil(entry_bytes(entry) / STEP_BYTES))
        for entry, outcome in zip(request["Entries"], outcomes, strict=False)
        if "ErrorCode" not in outcome and not str(entry.get("Source")).startswith("aws.")
    )
    return [Unit("events.published", operation, published)] if published else []


def entry_bytes(entry: Mapping[str, Any]) -> int:
    """The size of an entry: 14 bytes for a time that is given, and the UTF-8 of its texts.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
    """
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or ())]
    return sum(len(text.encode()) for text in texts if text) + (TIME_BYTES if entry.get("Time") else 0)
