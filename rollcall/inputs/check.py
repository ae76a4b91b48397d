"""Checks a file of items as the batchers would read it: its items, its bad lines, its repeated ids, its chunks."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby, tee
from operator import itemgetter
from typing import Any

from costs.plan.settings import Settings
from handlers.core.files.unreadable import ReadableItems, Unreadable
from handlers.core.items import Chunk, chunks, usable_id
from handlers.core.json_text import Item, unsealed, utf8_bytes
from handlers.core.rejected import ERROR_KEY, ID_KEY, TEXT_KEY, invalid_reason
from handlers.sfn.batcher import MAX_CHUNK_BYTES as SFN_CHUNK_BYTES
from handlers.sqs.segments import MAX_CHUNK_BYTES as SQS_CHUNK_BYTES
from rollcall.inputs.local_input import LocalInput
from rollcall.inputs.repeated_ids import Ids, RepeatedIds

# Every rejection has this in its JSON, and few items do.
MARK = f'"{ERROR_KEY}":'
SQS, SFN = "sqs", "sfn"
TOLD_EVERY = 1000


@dataclass(frozen=True)
class BadLine:
    """A line that is no item, or an item that a batch fails unprocessed: `error` is what it records.

    `place` is that of LocalInput. `only` is the architecture that fails it, if the other one does not.
    """

    place: int
    error: str
    text: str | None = None
    item_id: str | None = None
    only: str | None = None


@dataclass(kw_only=True)
class Check:
    """What a batch of a file comes to, as far as reading it tells.

    `items` counts the bad ones, too. `bad` are their numbers by architecture: what fits a message may be too large for
    a state. `item_bytes` is the size of the items as JSON, `longest` that of the largest good one, `longest_at` its
    place. `reason` says why the file, or the rest of it, cannot be read.
    """

    source: LocalInput
    items: int = 0
    item_bytes: int = 0
    longest: int = 0
    longest_at: int = 0
    chunks: dict[str, int] = field(default_factory=lambda: {SQS: 0, SFN: 0})
    bad: dict[str, int] = field(default_factory=lambda: {SQS: 0, SFN: 0})
    bad_lines: list[BadLine] = field(default_factory=list)
    repeated: RepeatedIds = field(default_factory=RepeatedIds)
    reason: str | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.reason or any(self.bad.values()) or self.repeated.ids)

    @property
    def average(self) -> float:
        """The mean size of an item as JSON, in bytes."""
        return self.item_bytes / self.items if self.items else 0.0

    @property
    def planned_bytes(self) -> float:
        """The average as a plan takes it, which knows no item below 2 bytes."""
        return max(2.0, self.average)

    def to_json(self) -> dict[str, Any]:
        """The check as `--json` prints it."""
        at = self.source.at
        examples = [
            {"id": one.item_id, "items": one.items, "first": at(one.first), "last": at(one.last)}
            for one in self.repeated.examples
        ]
        bad_lines = [
            {**at(line.place), "id": line.item_id, "error": line.error, "text": line.text, "only": line.only}
            for line in self.bad_lines
        ]
        return {
            "fine": self.fine,
            "reason": self.reason,
            "items": self.items,
            "bytes": self.source.size,
            "itemBytes": self.item_bytes,
            "longest": {"bytes": self.longest, **at(self.longest_at)} if self.longest else None,
            "bad": self.bad,
            "badLines": bad_lines,
            "repeatedIds": {"ids": self.repeated.ids, "items": self.repeated.items, "examples": examples},
            "chunks": self.chunks,
        }


def check(source: LocalInput, settings: Settings, listed: int, tell: Callable[[int, str], None]) -> Check:
    """Check an input, and list the first `listed` bad lines and repeated ids.

    `tell` is called now and then, with the items read so far and what is going on. Raises Problem if the disk is full.
    """
    found = Check(source=source)
    try:
        source.look()
    except Unreadable as refused:
        found.reason = str(refused)
        return found
    readable = ReadableItems(source.items())
    segment = source.segment_bytes(settings.items_per_chunk, settings.chunks_per_segment)
    with Ids() as ids:
        placed = ((source.begins_at, item) for item in readable)
        for (_, item), *texts in in_chunks(placed, segment, settings, found.chunks):
            found.items += 1
            if not found.items % TOLD_EVERY:
                tell(found.items, f"{source.read / source.size:.0%} read")
            place = source.place(item)
            if ERROR_KEY not in item:
                ids.add(str(usable_id(item)), place)
            length = utf8_bytes(texts[0])
            found.item_bytes += length
            good = not sort_out(found, item, place, dict(zip((SQS, SFN), texts, strict=True)), listed)
            if good and length > found.longest:
                found.longest, found.longest_at = length, place
        tell(found.items, "comparing their ids")
        found.repeated = ids.repeated(listed)
    found.reason = readable.reason
    return found


type Placed = tuple[int, Item]
"""An item, and the byte at which its line begins."""


def in_chunks(
    items: Iterable[Placed], segment: int, settings: Settings, made: dict[str, int]
) -> Iterator[tuple[Placed, str, str]]:
    """Yield each item with its JSON as each architecture carries it. Counts in `made` the chunks that they cut.

    At most one chunk of each is held in memory.
    """
    read, for_sqs, for_sfn = tee(items, 3)
    segments = groupby(for_sqs, lambda placed: placed[0] // segment if segment else 0)
    in_sqs = (
        chunk
        for _, part in segments
        for chunk in chunks(map(itemgetter(1), part), settings.items_per_chunk, SQS_CHUNK_BYTES)
    )
    in_sfn = chunks(map(itemgetter(1), for_sfn), settings.items_per_chunk, SFN_CHUNK_BYTES, seal=True)
    yield from zip(read, counted(in_sqs, made, SQS), counted(in_sfn, made, SFN), strict=True)


def counted(cut: Iterable[Chunk], made: dict[str, int], architecture: str) -> Iterator[str]:
    """Yield the items of chunks, which are counted."""
    for chunk in cut:
        made[architecture] += 1
        yield from chunk.items


def sort_out(found: Check, item: Item, place: int, texts: Mapping[str, str], listed: int) -> bool:
    """Whether an item is bad in some architecture: then count it, and list it if there is room."""
    bad = {name: line for name, text in texts.items() if MARK in text and (line := bad_line(item, place, text))}
    for name in bad:
        found.bad[name] += 1
    if bad and len(found.bad_lines) < listed:
        name, line = next(iter(bad.items()))
        found.bad_lines.append(line if len(bad) > 1 else replace(line, only=name))
    return bool(bad)


def bad_line(item: Item, place: int, text: str) -> BadLine | None:
    """What a batch records of an item with this JSON; None if it is a good one."""
    carried = unsealed(json.loads(text))
    error = invalid_reason(carried)
    if not error:
        return None
    own = carried.get(ID_KEY) if ERROR_KEY in item else carried["id"]
    return BadLine(place, error, carried.get(TEXT_KEY), own)
