"""Asks whether something may be lost."""

import sys
from collections.abc import Callable

from bootstrap.problem import Problem


def ask(yes: bool, progress: Callable[[str], None], stack: str, why: str) -> None:
    """Tell what the stack loses, and go on if the user wants that. Raises Problem if not, or if nobody can be asked."""
    progress(f"{stack}: {why}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem(f"{stack} is left as it is, since nobody could be asked", "to go on all the same, add --yes")
    print("go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Problem(f"{stack} is left as it is")
