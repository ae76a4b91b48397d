"""In the place of handlers/work.py: tells when the work on an item begins, and how it ends."""

import time

from handlers import witness


def process(item: dict) -> None:
    """Sleep `value` milliseconds; raise where the item has `fail`."""
    here = dict(witness.chunk, item=item["id"])
    witness.tell("begin", **here)
    time.sleep(float(item.get("value") or 0) / 1000)
    if item.get("fail"):
        witness.tell("raised", **here)
        raise RuntimeError("this item was made to fail")
    witness.tell("end", **here)
