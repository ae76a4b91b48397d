"""Your work: what is done with one item. Change this file and source.py, and nothing else."""

import os
import time
from typing import Any

SCALE = float(os.environ.get("WORK_SCALE", "1"))


def process(item: dict) -> Any:
    """Process one item; return to report it done, raise to report that this attempt failed.

    It may be called again for the same item after a crash or a duplicate delivery, so make it idempotent. Up to
    `itemConcurrency` calls run at a time, in threads of one process. It may return a JSON value of up to 16 KiB, which
    is kept when the stack collects results. The example sleeps `value` milliseconds and returns nothing.
    """
    if item.get("fail"):
        raise ValueError("this item was made to fail (failRate)")
    time.sleep(float(item.get("value", 0)) / 1000 * SCALE)
