"""The work of the end-to-end tests, put in the place of handlers/work.py: a witness that stands outside the protocol.

Every call is told on standard output, so it stands in the function's log even if the process dies at once. `do` says
what becomes of an item; what happens only once leaves a mark in the machine's own temporary folder, since the
functions of a sandbox share it.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

MADE_FOR_IT = {"do", "value", "result"}


def process(item: dict) -> Any:
    """Do what `item["do"]` says (nothing, `fail`, `fail-once`, `die`, `die-once`, `hang-once`); return its `result`.

    An item that was not made for this work, with nothing to do and no `value`, is returned as it was given.
    """
    os.write(1, f"witness {item['id']}\n".encode(errors="backslashreplace"))
    time.sleep(float(item.get("value") or 0) / 1000)
    what, _, once = (item.get("do") or "").partition("-")
    if item.get("fail"):
        what = "fail"
    if not what or (once and not first_time(item["id"])):
        return item.get("result", item if item.keys().isdisjoint(MADE_FOR_IT) else None)
    if what == "fail":
        raise RuntimeError(f"{item['id']} was made to fail")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)


def first_time(item_id: str) -> bool:
    """Whether this item's mark was not set before."""
    try:
        Path("/tmp", f"rollcall-once-{item_id}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
