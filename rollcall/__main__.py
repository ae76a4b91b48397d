"""The `rollcall` console script."""

import io
import signal
import sys
from collections.abc import Sequence

from rollcall.cli import app
from rollcall.terminal.errors import guarded


def main() -> None:
    """Run the command in `sys.argv` and exit: 0 done, 1 a batch ended otherwise, 2 usage or environment."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What the terminal's encoding cannot say is escaped, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    # A stop request unwinds like any exit, so that what a command made for itself is removed again.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run the command line `rollcall *words` and return its exit code."""
    return guarded(lambda: app(words, prog_name="rollcall", standalone_mode=False))


if __name__ == "__main__":
    main()
