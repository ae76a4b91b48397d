"""Shows that a long list is being read, and how far it is."""

import time
from collections.abc import Iterable, Iterator

from costs.format import count
from rollcall.terminal.console import stderr

SILENT_SECONDS = 2.0
# The clock is looked at after so many entries.
LOOK_ENTRIES = 100


def counted[T](entries: Iterable[T], noun: str = "failed item") -> Iterator[T]:
    """Yield the entries. After two seconds a terminal shows how many were read, until the last one was."""
    until_shown = time.monotonic() + SILENT_SECONDS
    status = None
    try:
        for number, entry in enumerate(entries, 1):
            yield entry
            if number % LOOK_ENTRIES == 0 and stderr.is_terminal and time.monotonic() >= until_shown:
                if status is None:
                    status = stderr.status("")
                    status.start()
                status.update(f"{count(number, noun)} read")
    finally:
        if status:
            status.stop()
