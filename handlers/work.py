"""The example's work: it processes one item, unless your work folder has a work.py of its own."""

import os
import time
from typing import Any

SCALE = float(os.environ.get("WORK_SCALE", "1"))
EMPTY = {"", "null", "none"}
NO = EMPTY | {"false", "no", "off", "0"}
YES = {"true", "yes", "on", "1"}
# Lambda's longest timeout.
LONGEST_MS = 900_000


def process(item: dict[str, Any]) -> Any:
    """Process one item. Return if it is done; raise if this attempt failed, `handlers.Permanent` if all would.

    Make it idempotent: after a crash or a duplicate delivery the same item is processed again. Up to `itemConcurrency`
    calls run at a time, in threads of a process of their own. It may return a JSON value of up to 16 KiB, which
    Rollcall keeps if the stack collects results. This example sleeps `value` milliseconds, raises if `fail` is true,
    and returns nothing.
    """
    if is_true(item.get("fail"), "fail"):
        raise ValueError("this item was made to fail (failRate)")
    if seconds := milliseconds(item.get("value")) / 1000 * SCALE:
        time.sleep(seconds)


def is_true(value: Any, name: str) -> bool:
    """A yes or no, which a CSV file has as text. An empty value means no. Raises ValueError."""
    text = str(value).strip().lower()
    if text in YES or text in NO:
        return text in YES
    raise ValueError(f"{name}: {value!r:.100} must be true or false, or left empty")


def milliseconds(value: Any) -> float:
    """How long to sleep, which a CSV file has as text. An empty value means 0. Raises ValueError."""
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
