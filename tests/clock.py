"""The sandbox's clock, as tests move it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rollcall.target import clock_client
from tests.probes import eventually

# Clocks that are held real, each with how many hold it and whether it skips otherwise: some tests deploy in threads.
_held: dict[str, tuple[int, bool]] = {}
_lock = threading.Lock()


class Clock:
    """The clock of the engine at `endpoint`."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def show(self) -> clock_client.Clock:
        """The clock, what is due next, and the last jumps."""
        return clock_client.fetch_clock(self.endpoint)

    def skip(self, skip: bool) -> None:
        """Whether it moves by itself to the next thing due whenever nothing runs."""
        clock_client.set_skip(self.endpoint, skip)

    def now_ms(self) -> int:
        """The sandbox's time in milliseconds since 1970."""
        return round(datetime.fromisoformat(self.show()["now"]).timestamp() * 1000)

    @contextmanager
    def real(self) -> Iterator[None]:
        """Meanwhile it does not skip: what the test does takes its part in the order of events."""
        with _lock:
            holders, skips = _held.get(self.endpoint) or (0, self.show()["skip"])
            _held[self.endpoint] = holders + 1, skips
            self.skip(False)
        try:
            yield
        finally:
            with _lock:
                holders, skips = _held.pop(self.endpoint)
                if holders > 1:
                    _held[self.endpoint] = holders - 1, skips
                else:
                    self.skip(skips)

    def begin_advance(self, seconds: float) -> None:
        """Begin to advance. Raises Problem if the engine refuses."""
        clock_client.begin_advance(self.endpoint, seconds)

    def advance(self, seconds: float) -> clock_client.Clock:
        """Advance, wait for its end, and return the clock."""
        self.begin_advance(seconds)
        return eventually(self._advanced)

    def _advanced(self) -> clock_client.Clock:
        shown = self.show()
        assert shown["advancing"] is None, shown
        return shown
