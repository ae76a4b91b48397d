"""Requests to the engine's meter."""

import json
import time
from typing import Any
from urllib.parse import quote

from rollcall.target.engine_client import ask, require_success

PATH = "/_rollcall/meter"
# The finalizer and its log lines are metered a moment after the Batch Finished event.
QUIET_WITHIN_SECONDS = 2.0
POLL_SECONDS = 0.2


def fetch_meter(endpoint: str, batch: str | None = None) -> dict[str, Any]:
    """The rows that the meter counted, of one batch or of all, as JSON.

    Raises NotServed if the engine has no meter, Problem if nothing answers.
    """
    answer: dict[str, Any] = json.loads(_ask(endpoint, "GET", f"?batch={quote(batch)}" if batch else ""))
    return answer


def fetch_when_quiet(endpoint: str, batch: str) -> dict[str, Any]:
    """The rows of a batch that has just ended, once two polls answer the same, or after two seconds."""
    deadline = time.monotonic() + QUIET_WITHIN_SECONDS
    answer = fetch_meter(endpoint, batch)
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        before, answer = answer, fetch_meter(endpoint, batch)
        if answer["rows"] == before["rows"]:
            break
    return answer


def reset_meter(endpoint: str) -> None:
    """Delete all rows of the meter. Raises NotServed or Problem."""
    _ask(endpoint, "DELETE")


def _ask(endpoint: str, method: str, query: str = "") -> bytes:
    status, body = ask(endpoint, method, PATH + query)
    require_success(endpoint, method, PATH, status, body)
    return body
