"""What is known of one batch from outside the protocol: its input, the witness's lines, its events, its failed list."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of the witness's log, the `number`th; `at` in nanoseconds since 1970. What each kind tells:

    - `begin`, then `end` or `raised`: `process` was called for `item`, and returned or raised
    - `chunk`: a processor received the chunk, which has `items`
    - `recorded`: the table has answered that the items at `indexes` of the chunk, None for all, are recorded as done
    - `invoked`, `answer`: what a Step Functions processor was given of the chunk, and which `items` it reports as done
    - `publishing`, `notified`: a finalizer is about to publish Batch Finished, and has recorded that it did
    """

    number: int
    what: str
    at: int
    process: str
    batch: str = ""
    generation: int = 1
    seq: int = -1
    item: str = ""
    items: tuple[str, ...] = ()
    indexes: tuple[int, ...] | None = ()


@dataclass(frozen=True)
class Announcement:
    """A Batch Finished event that PutEvents accepted `at`, in milliseconds since 1970."""

    at: int
    detail: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    """One generation of a batch. Times in milliseconds since 1970.

    - `items`: the ids of its input; of a redrive, of what must be in it
    - `deadline`: counted from when the batch was asked for
    - `due`: the deadline counted from the batch's start, and a grace; by then an event must have been accepted
    - `published`, `heard`: what the observer got, and a consumer whose delivery had faults of its own
    - `failed`: the ids of the items that are listed as failed
    - `done_before`: those that the generation before recorded as done
    - `read_whole`: false where the batch ended before its input object was read to its end, so that nobody knows how
      many items are left of it
    - `lost_answers`, `lost_invokes`: how many calls in that round, of PutEvents and of functions, took effect although
      their caller was told otherwise
    - `last_heard`: for each process, the number of the last line that showed it alive, in the whole log
    """

    batch_id: str
    architecture: str
    items: tuple[str, ...]
    deadline: int
    due: int
    generation: int = 1
    lines: tuple[Line, ...] = ()
    published: tuple[Announcement, ...] = ()
    heard: tuple[dict[str, Any], ...] = ()
    failed: frozenset[str] = frozenset()
    done_before: frozenset[str] = frozenset()
    read_whole: bool = True
    lost_answers: int = 0
    lost_invokes: int = 0
    last_heard: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Without what stands in the witness's log."""
        value = asdict(replace(self, lines=(), last_heard={}))
        value |= {"failed": sorted(self.failed), "done_before": sorted(self.done_before)}
        del value["lines"], value["last_heard"]
        return value

    @property
    def overtime(self) -> float | None:
        """How many seconds after its deadline the event was accepted, below 0 if it was before; None without one."""
        return (min(each.at for each in self.published) - self.deadline) / 1000 if self.published else None

    @property
    def name(self) -> str:
        """The batch, and its generation if it is a redrive."""
        return self.batch_id if self.generation == 1 else f"{self.batch_id} generation {self.generation}"


class Log:
    """Reads the witness's log as it grows."""

    def __init__(self, path: Path):
        self.path = path
        self.lines: list[Line] = []
        self.last_heard: dict[str, int] = {}
        self._offset = 0

    def read_on(self) -> list[Line]:
        """The lines that are new; one that is not yet whole comes next time."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        new = [line_from(text, number) for number, text in enumerate(whole.splitlines(), start=len(self.lines))]
        self.lines += new
        self.last_heard |= {line.process: line.number for line in new if line.what != "answer"}
        return new

    def by_batch(self) -> dict[tuple[str, int], tuple[Line, ...]]:
        """The lines of each batch and generation."""
        found: dict[tuple[str, int], list[Line]] = defaultdict(list)
        for line in self.lines:
            found[line.batch, line.generation].append(line)
        return {key: tuple(lines) for key, lines in found.items()}


def line_from(text: bytes, number: int) -> Line:
    """The log's line of that number."""
    value = json.loads(text)
    for name in ("items", "indexes"):
        if value.get(name) is not None:
            value[name] = tuple(value[name])
    return Line(number, **value)
