"""Groups the failed items of a batch by their error: those that differ only in numbers and ids are one group."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from handlers.core.batch import iso
from handlers.core.error_kinds import ErrorPattern, first_line, kind_of, line_of, pattern_of

SAMPLES = 3
# So many kinds are told apart, so that memory is bounded whatever the errors hold. The others are counted together.
MOST_GROUPS = 10_000
OTHERS = f"other errors, of more than {MOST_GROUPS:,} kinds"
# A place of a traceback, as it stands below an error: `  work.py, line 12, in process`.
PLACE = re.compile(r"  (.+, line \d+, in .+)")

type Failure = Mapping[str, Any]
"""A failed item: `item`, `error`, `attempts`, and `failedAt` in milliseconds since 1970 if that is known."""


@dataclass(frozen=True)
class FailureSample:
    """One failed item of a group, with its whole error."""

    item_id: str
    error: str

    def to_json(self) -> dict[str, str]:
        """The sample as `--json` prints it."""
        return {"id": self.item_id, "error": self.error}


@dataclass(frozen=True)
class FailureGroup:
    """The failed items of one kind of error.

    `error` has `...` in place of ids and numbers; where nothing differs it is the whole line. `pattern` selects exactly
    this group, in `redrive --error` and `failures --error`; None for the errors beyond MOST_GROUPS kinds. `first` and
    `last` are the times of recording in milliseconds since 1970, None if unknown. `samples` are up to SAMPLES items.
    """

    error: str
    pattern: str | None
    count: int
    first: int | None
    last: int | None
    samples: tuple[FailureSample, ...]

    @property
    def example(self) -> str:
        """The id of the first sample, for people; it says if there are more."""
        return self.samples[0].item_id + (", ..." if self.count > 1 else "")

    def to_json(self) -> dict[str, Any]:
        """The group as `--json` prints it."""
        times = {"first": self.first and iso(self.first), "last": self.last and iso(self.last)}
        samples = [sample.to_json() for sample in self.samples]
        return {"error": self.error, "count": self.count, **times, "pattern": self.pattern, "samples": samples}


@dataclass
class _Growing:
    """A group while it is counted. `line` is None once two lines of it differ."""

    line: str | None
    count: int = 0
    first: int | None = None
    last: int | None = None
    samples: list[FailureSample] = field(default_factory=list)


class Grouping:
    """Counts failed items by kind of error, one after the other, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self._growing: dict[str | None, _Growing] = {}

    def add(self, failure: Failure) -> None:
        """Count a failed item."""
        item_id, error = str(failure["item"]["id"]), failure["error"]
        line = line_of(error)
        kind: str | None = kind_of(line, item_id)
        group = self._growing.get(kind)
        if group is None:
            if len(self._growing) >= MOST_GROUPS:
                kind, line = None, OTHERS
            group = self._growing.setdefault(kind, _Growing(line))
        if group.line != line:
            group.line = None
        group.count += 1
        at = failure.get("failedAt")
        if at is not None:
            group.first = at if group.first is None or at < group.first else group.first
            group.last = at if group.last is None or at > group.last else group.last
        if len(group.samples) < SAMPLES:
            group.samples.append(FailureSample(item_id, error))

    def largest(self, limit: int | None = None) -> list[FailureGroup]:
        """The groups with the most items, of equal ones the one that was seen first."""
        groups = [
            # What all have in common is shown, and the whole line where nothing differs.
            FailureGroup(
                OTHERS if kind is None else kind if group.line is None else group.line,
                None if kind is None else pattern_of(kind),
                group.count,
                group.first,
                group.last,
                tuple(group.samples),
            )
            for kind, group in self._growing.items()
        ]
        return sorted(groups, key=lambda group: -group.count)[:limit]


def group(failures: Iterable[Failure]) -> list[FailureGroup]:
    """All failed items by their error, the largest group first. Reads them one by one and keeps none but samples."""
    grouping = Grouping()
    for failure in failures:
        grouping.add(failure)
    return grouping.largest()


def selected[F: Failure](failures: Iterable[F], pattern: str | None) -> Iterator[F]:
    """The failed items whose error the pattern selects (see ErrorPattern); all of them without a pattern."""
    if pattern is None:
        return iter(failures)
    wanted = ErrorPattern(pattern)
    return (failure for failure in failures if wanted.selects(failure["error"], str(failure["item"]["id"])))


def place_in(error: str) -> str:
    """The innermost place of the error's traceback, such as `work.py, line 12, in process`; empty if it has none."""
    places: Iterable[re.Match[str] | None] = map(PLACE.fullmatch, error.splitlines()[1:])
    return next((place[1] for place in reversed(list(places)) if place), "")


def brief(error: str) -> str:
    """The error with its innermost place, in one line."""
    place = place_in(error)
    return first_line(error) + (f"  ({place})" if place else "")
