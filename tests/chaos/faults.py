"""The engine's fault plan, over its own endpoint."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

PATH = "/_rollcall/faults"


class Faults:
    """The fault plan of the engine at `endpoint`."""

    def __init__(self, endpoint: str):
        self.address = urlsplit(endpoint)

    def put(self, plan: dict[str, Any]) -> None:
        """Put a plan in force, all its counts at zero."""
        self._ask("PUT", json.dumps(plan))

    def report(self) -> dict[str, Any]:
        """The plan in force; each fault has its counts `seen` and `injected`, and `injected` sums up by kind."""
        return json.loads(self._ask("GET"))

    def clear(self) -> None:
        """No more faults."""
        self._ask("DELETE")

    def _ask(self, method: str, body: str = "") -> bytes:
        # Not urllib: it would ask a company's proxy for 127.0.0.1.
        connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port, timeout=10)
        try:
            connection.request(method, PATH, body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 400:
                raise ValueError(f"{method} {PATH}: {answer.status} {text.decode()}")
            return text
        finally:
            connection.close()
