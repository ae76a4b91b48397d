"""The sandbox's clock, over its own endpoint."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rollcall.target.engine_client import ask, require_success
from tests.probes import eventually

PATH = "/_rollcall/clock"


class Clock:
    """The clock of the engine at `endpoint`."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def show(self) -> dict[str, Any]:
        """The clock, what is due next, and the last jumps."""
        return self.ask("GET")

    def skip(self, skip: bool) -> None:
        """Whether it moves by itself to the next thing due whenever nothing runs."""
        self.ask("PUT", {"skip": skip})

    def now_ms(self) -> int:
        """The sandbox's time in milliseconds since 1970."""
        return round(datetime.fromisoformat(self.show()["now"]).timestamp() * 1000)

    @contextmanager
    def real(self) -> Iterator[None]:
        """Meanwhile it does not skip: what the test does takes its part in the order of events."""
        before = self.show()["skip"]
        self.skip(False)
        try:
            yield
        finally:
            self.skip(before)

    def advance(self, seconds: float) -> dict[str, Any]:
        """Advance, wait for its end, and return the clock."""
        self.ask("POST", {"advanceSeconds": seconds})
        eventually(self._over)
        return self.show()

    def _over(self) -> None:
        assert self.show()["advancing"] is None

    def ask(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a request. Raises Problem if it is refused."""
        status, answer = ask(self.endpoint, method, PATH, body and json.dumps(body))
        require_success(self.endpoint, method, PATH, status, answer)
        return json.loads(answer)
