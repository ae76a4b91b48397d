"""The work of these tests: a witness outside the protocol, and what an item's `do` says.

It writes to a file: on MiniStack what a function's processes print is lost.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

WITNESS = Path(os.environ["WITNESS"])


def process(item: dict) -> Any:
    """Tell the witness; then nothing, `fail`, or with `-once` the first time only, or `die` with the whole function."""
    with (WITNESS / "calls").open("a") as calls:
        calls.write(f"{item['id']}\n")
    time.sleep(float(item["value"]) / 1000)
    what, _, once = item.get("do", "").partition("-")
    if what and (not once or first_time(item["id"])):
        if what == "die":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(3600)
        raise RuntimeError(f"{item['id']} was made to fail")
    return {"made of": item["id"]}


def first_time(item_id: str) -> bool:
    """Whether this item's mark was not set before."""
    try:
        (WITNESS / item_id).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
