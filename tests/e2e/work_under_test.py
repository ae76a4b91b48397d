"""The work of the end-to-end tests, put in the place of handlers/work.py: a witness that stands outside the protocol.

Every call is told on standard output, so it stands in the function's log even if the process dies at once. `do` says
what becomes of an item; what happens only once leaves a mark in the machine's own temporary folder, since the
functions of a sandbox share it.
"""

import asyncio
import io
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MADE_FOR_IT = {"do", "value", "result"}
MISSING, _, MISSING_ONCE = os.environ.get("WORK_SCALE", "").partition("-once-")


def process(item: dict) -> Any:
    """Do what `item["do"]` says; return its `result`.

    Nothing; `fail`, `hang`, `die` (the whole function), with `-once` the first time only; one of BADLY, which end
    badly, or of DEADLY, which end the work's own process; `harm`; or `log`. An item that was not made for this work,
    with nothing to do and no `value`, is returned as it was given.
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
    if what in BADLY:
        return BADLY[what]()
    if what in DEADLY:
        DEADLY[what]()
    if what == "harm":
        harm()
        return None
    if what == "log":
        logging.getLogger("yours").info("told by %s", item["id"])
        return None
    if what == "die":
        os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


class UnspeakableError(BaseException):
    def __str__(self) -> str:
        raise SystemExit(3)


def raises(error: type[BaseException]) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


async def never() -> None:
    pass


BADLY: dict[str, Callable[[], Any]] = {
    "yield": lambda: (part for part in ()),
    "promise": never,
    "interrupt": raises(KeyboardInterrupt),
    "cancel": raises(asyncio.CancelledError),
    "unspeakable": raises(UnspeakableError),
}


def eat() -> None:
    held = []
    while True:
        held.append(bytearray(b"x" * 5_000_000))
        time.sleep(0.01)


DEADLY: dict[str, Callable[[], Any]] = {
    "exit": lambda: os._exit(3),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "eat": eat,
}


def harm() -> None:
    """Change whatever a process has one of."""
    sys.stdout = io.StringIO()
    sys.stdout.close()
    os.environ.clear()
    os.chdir("/")
    logging.disable(logging.CRITICAL)
    logging.root.handlers.clear()
    warnings.simplefilter("error")
    sys.path.clear()


def first_time(item_id: str) -> bool:
    """Whether this item's mark was not set before."""
    try:
        Path("/tmp", f"rollcall-once-{item_id}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


if MISSING == "missing" and (not MISSING_ONCE or first_time(MISSING_ONCE)):
    raise KeyError("API_KEY")
