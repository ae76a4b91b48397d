"""The `rollcall` console script."""

import io
import signal
import sys
from collections.abc import Sequence

from rollcall.cli import app
from rollcall.terminal.errors import guarded


def main() -> None:
    """Run the command in `sys.argv`. Exit codes: 0 done, 1 a batch did not end as wanted, 2 usage or environment."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters that the terminal's encoding lacks are escaped instead of raising an error.
            stream.reconfigure(errors="backslashreplace")
    # SIGTERM unwinds the stack, so that a command deletes its temporary queue and rule.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    sys.exit(run(sys.argv[1:]))


def interrupt(*_: object) -> None:
    """Raise KeyboardInterrupt. Python must not complain of an object that it leaves half made, such as a response."""
    sys.unraisablehook = lambda _: None
    raise KeyboardInterrupt


def run(words: Sequence[str]) -> int:
    """Run the command line `rollcall *words` and return its exit code."""
    return guarded(lambda: app(words, prog_name="rollcall", standalone_mode=False))


if __name__ == "__main__":
    main()
