"""Your work: what is done with one item. Change this file and source.py, and nothing else."""

import os
import time
from typing import Any

SCALE = float(os.environ.get("WORK_SCALE", "1"))
EMPTY = {"", "null", "none"}
NO = EMPTY | {"false", "no", "off", "0"}
YES = {"true", "yes", "on", "1"}
# No function of Lambda runs longer.
LONGEST_MS = 900_000


def process(item: dict) -> Any:
    """Process one item; return to report it done, raise to report that this attempt failed.

    It may be called again for the same item after a crash or a duplicate delivery, so make it idempotent. Up to
    `itemConcurrency` calls run at a time, in threads of one process. It may return a JSON value of up to 16 KiB, which
    is kept when the stack collects results. The example sleeps `value` milliseconds, or fails if
    `fail` says so, and returns nothing.
    """
    if is_true(item.get("fail"), "fail"):
        raise ValueError("this item was made to fail (failRate)")
    time.sleep(milliseconds(item.get("value")) / 1000 * SCALE)


def is_true(value: Any, name: str) -> bool:
    """A yes or no, of a CSV file as text; nothing is no. Raises ValueError."""
    said = str(value).strip().lower()
    if said in YES or said in NO:
        return said in YES
    raise ValueError(f"{name}: {value!r:.100} must be true or false, or left empty")


def milliseconds(value: Any) -> float:
    """How long to work, of a CSV file as text; nothing is not at all. Raises ValueError."""
    if value is None or str(value).strip().lower() in EMPTY:
        return 0
    try:
        number = float(value) if not isinstance(value, bool) else -1
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number <= LONGEST_MS:
        raise ValueError(
            f"value: {value!r:.100} must be milliseconds, a number from 0 to {LONGEST_MS:,}, or left empty"
        )
    return number
