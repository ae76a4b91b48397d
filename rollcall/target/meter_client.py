"""Asking the engine's meter what it counted."""

import json
import time
from typing import Any
from urllib.parse import quote

from bootstrap.problem import Problem
from rollcall.target.engine_client import ask, require_success

PATH = "/_rollcall/meter"
# What goes on for a moment after a batch's end: the finalizer that told it, and its log lines.
SETTLE_SECONDS = 2.0
LOOK_EVERY_SECONDS = 0.2


class NoMeter(Problem):
    """What answers there counts nothing."""


def fetch_meter(endpoint: str, batch: str | None = None) -> dict[str, Any]:
    """What the meter of the engine at `endpoint` counted, of one batch or of all.

    Raises NoMeter if there is none, Problem if nothing answers.
    """
    answer: dict[str, Any] = json.loads(_ask(endpoint, "GET", f"?batch={quote(batch)}" if batch else ""))
    return answer


def fetch_when_quiet(endpoint: str, batch: str) -> dict[str, Any]:
    """What a batch that has just ended came to, once the meter says the same twice, or after two seconds."""
    give_up = time.monotonic() + SETTLE_SECONDS
    answer = fetch_meter(endpoint, batch)
    while time.monotonic() < give_up:
        time.sleep(LOOK_EVERY_SECONDS)
        before, answer = answer, fetch_meter(endpoint, batch)
        if answer["rows"] == before["rows"]:
            break
    return answer


def reset_meter(endpoint: str) -> None:
    """Set everything that was counted to zero. Raises NoMeter or Problem."""
    _ask(endpoint, "DELETE")


def _ask(endpoint: str, method: str, query: str = "") -> bytes:
    status, body = ask(endpoint, method, PATH + query)
    if status == 404:
        raise NoMeter(
            f"the engine at {endpoint} has no meter: it is another one, or was started by an older version",
            "start it anew: `rollcall down`, then `rollcall up`",
        )
    require_success(endpoint, method, PATH, status, body)
    return body
