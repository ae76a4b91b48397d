"""Shows how far a command has come that reads a file, once it has taken some seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.text import Text

from bootstrap.printable import one_line
from rollcall.terminal.console import stderr

SHOWN_AFTER_SECONDS = 2.0
PLAIN_LINE_EVERY_SECONDS = 5.0


@contextmanager
def ticker() -> Iterator[Callable[[str], None]]:
    """Yield the function that shows the latest state on stderr: beside a spinner, or else as a line now and then."""
    due = time.monotonic() + SHOWN_AFTER_SECONDS
    with ExitStack() as stack:
        status = stderr.status("")
        shown = False

        def tell(state: str) -> None:
            nonlocal due, shown
            if time.monotonic() < due:
                return
            if not stderr.is_terminal:
                due = time.monotonic() + PLAIN_LINE_EVERY_SECONDS
                stderr.print(state, markup=False, soft_wrap=True)
                return
            if not shown:
                stack.enter_context(status)
                shown = True
            status.update(Text(one_line(state), no_wrap=True, overflow="ellipsis"))

        yield tell
