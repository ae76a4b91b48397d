"""Requests to the sandbox's clock."""

import json
from typing import Any

from bootstrap.problem import Problem
from rollcall.target.engine_client import ask, require_success

PATH = "/_rollcall/clock"

type Clock = dict[str, Any]
"""As the engine answers: `now`, `offsetSeconds`, `skip`, `standsStill`, `running`, `advancing`, `next`, and the last
hundred `jumps`."""


def fetch_clock(endpoint: str) -> Clock:
    """The clock as it stands. Raises NotServed if the engine has none, Problem if nothing answers."""
    return _ask(endpoint, "GET")


def begin_advance(endpoint: str, seconds: float) -> Clock:
    """Begin to advance the clock. Raises Problem if it is being advanced already, or may not be by so much."""
    return _ask(endpoint, "POST", {"advanceSeconds": seconds})


def stop_advance(endpoint: str) -> Clock:
    """End the advance where it is, if one is under way."""
    return _ask(endpoint, "DELETE")


def set_skip(endpoint: str, skip: bool) -> Clock:
    """Have the clock advance by itself whenever nothing runs, or no longer."""
    return _ask(endpoint, "PUT", {"skip": skip})


def _ask(endpoint: str, method: str, change: dict[str, Any] | None = None) -> Clock:
    status, body = ask(endpoint, method, PATH, None if change is None else json.dumps(change))
    if status in (400, 409):
        raise Problem(json.loads(body)["message"], "see `rollcall clock show`")
    require_success(endpoint, method, PATH, status, body)
    clock: Clock = json.loads(body)
    return clock
