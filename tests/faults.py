"""The engine's fault plan, over its own endpoint."""

import json
from collections.abc import Callable
from typing import Any

from rollcall.target.engine_client import ask, require_success

PATH = "/_rollcall/faults"

type Plan = Callable[..., Callable[[], int]]
"""What tests have as fixture `plan`: takes faults, returns what tells how many there were."""


class Faults:
    """The fault plan of the engine at `endpoint`."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def put(self, plan: dict[str, Any]) -> None:
        """Put a plan in force, all its counts at zero."""
        self._ask("PUT", json.dumps(plan))

    def report(self) -> dict[str, Any]:
        """The plan in force; each fault has its counts `seen` and `injected`, and `injected` sums up by kind."""
        return json.loads(self._ask("GET"))

    def clear(self) -> None:
        """No more faults."""
        self._ask("DELETE")

    def _ask(self, method: str, body: str | None = None) -> bytes:
        status, answer = ask(self.endpoint, method, PATH, body)
        require_success(self.endpoint, method, PATH, status, answer)
        return answer
