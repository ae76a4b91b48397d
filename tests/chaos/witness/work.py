"""In the place of handlers/work.py: tells when the work on an item begins, and how it ends."""

import os
import signal
import time

from handlers import witness


def process(item: dict) -> None:
    """Sleep `value` milliseconds; raise where the item has `fail`, or do worse as its `do` says."""
    here = dict(witness.chunk(), item=item["id"])
    witness.tell("begin", **here)
    time.sleep(float(item.get("value") or 0) / 1000)
    if item.get("do") == "hang":
        time.sleep(3600)
    elif item.get("do") == "crash":
        os._exit(1)
    elif item.get("do") == "kill":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)
    if item.get("fail"):
        witness.tell("raised", **here)
        raise RuntimeError("this item was made to fail")
    witness.tell("end", **here)
