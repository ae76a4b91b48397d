"""Groups error texts: those that differ only in numbers and ids are one group."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

# A word with a digit in it: a number, a date, most ids. Names of errors and fields rarely have one.
VARIES = re.compile(r"[\w.-]*\d[\w.-]*")
GAP = "..."
# What Step Functions says of a function that failed: `Sandbox.Timedout: {"errorMessage":"RequestId: 0-a Error: ...`.
OF_LAMBDA = re.compile(r'([\w.]+): \{.*?"errorMessage":\s*("(?:[^"\\]|\\.)*")')
REQUEST = re.compile(r"RequestId: \S+ Error: ")
# A place of a traceback, as it stands below an error: `  work.py, line 12, in process`.
PLACE = re.compile(r"  (.+, line \d+, in .+)")


@dataclass(frozen=True)
class Group:
    """So many errors of one kind. `example` is the id of an item that has it."""

    error: str
    count: int
    example: str

    def to_json(self) -> dict[str, str | int]:
        """The group as `--json` prints it."""
        return {"error": self.error, "count": self.count, "example": self.example}


class Groups:
    """Counts errors by kind."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}

    def add(self, error: str, example: str) -> None:
        """Count an error of the item or place `example`."""
        # An exception without a message leaves a colon.
        line = first_line(error).removesuffix(": ")
        kind = kind_of(line, example)
        known = self._groups.get(kind)
        # What all have in common is shown, and the whole line where nothing differs.
        shown = line if known is None or known.error == line else kind
        self._groups[kind] = Group(shown, (known.count if known else 0) + 1, known.example if known else example)

    def largest(self, limit: int | None = None) -> tuple[Group, ...]:
        """The most frequent groups, of equal ones the one that was seen first."""
        return tuple(sorted(self._groups.values(), key=lambda group: -group.count)[:limit])


def kind_of(line: str, example: str) -> str:
    """The line without what differs from item to item: the item's id, and words with digits."""
    return VARIES.sub(GAP, line.replace(example, GAP) if example else line)


def first_line(error: str) -> str:
    """The error itself, without the places of its traceback, and Lambda's own errors without their JSON."""
    line = next(iter(error.splitlines()), "")
    if (found := OF_LAMBDA.match(line)) is None:
        return line
    message = json.loads(found[2]).removeprefix(found[1] + ": ")
    return f"{found[1]}: {REQUEST.sub('', first_line(message))}"


def place_in(error: str) -> str:
    """The innermost place of the error's traceback, such as `work.py, line 12, in process`; empty if it has none."""
    places: Iterable[re.Match[str] | None] = map(PLACE.fullmatch, error.splitlines()[1:])
    return next((place[1] for place in reversed(list(places)) if place), "")


def brief(error: str) -> str:
    """The error with its innermost place, in one line."""
    place = place_in(error)
    return first_line(error) + (f"  ({place})" if place else "")
