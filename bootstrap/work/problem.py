"""The error for a work folder that cannot be deployed."""

from collections.abc import Iterable
from difflib import get_close_matches

from bootstrap.problem import Problem


class BadWork(Problem):
    """A work folder cannot be deployed. The message names the file, the line, what was found and what is expected."""


def one_of(name: str, known: Iterable[str]) -> str:
    """The words that tell which names are known instead of `name`, the nearest one first."""
    names = sorted(known)
    near = get_close_matches(name, names, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"it must be one of {', '.join(names)}"
