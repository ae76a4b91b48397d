"""The file and line of a failed item that is a line of the input."""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from handlers.core.batch import InputObject
from handlers.core.files.look import is_csv, is_gzipped
from handlers.core.rejected import AT_KEY, ERROR_KEY, ID_KEY
from rollcall.batches.batch import OneBatch

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Places:
    """The name of the input file, and the line numbers by the byte at which a line begins, as far as known.

    Of several files: their names by their numbers.
    """

    file: str | None = None
    lines: Mapping[int, int] = field(default_factory=dict)
    files: Mapping[int, str] = field(default_factory=dict)

    def of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """`file` and `line` of an item, or `file` and `byte` if the line is unknown; empty if it came from no line."""
        at = dict(item.get(AT_KEY, {}))
        if (number := at.pop("file", None)) is not None:
            return {"file": self.files.get(number, f"file {number}"), **at}
        if "byte" in at and at["byte"] in self.lines:
            at = {"line": self.lines[at["byte"]]}
        return {"file": self.file, **at} if at and self.file else at

    def title(self, item: Mapping[str, Any]) -> str:
        """An item's name for people: its id, or its file and line and, if the line has one, its id."""
        at = self.of(item)
        if not at:
            return str(item["id"])
        named = "-".join(f"{unit}-{number}" for unit, number in item[AT_KEY].items())
        own = item.get(ID_KEY) if item["id"] == named else item["id"]
        unit = next(unit for unit in ("line", "byte", "element", "item") if unit in at)
        place = " ".join(filter(None, (at.get("file"), unit, str(at[unit]))))
        return f"{place} (id {own})" if own else place


def places_in(batch: OneBatch, entries: Iterable[dict[str, Any]]) -> Places:
    """The places of failed items. Reads the file to turn the bytes of `entries` into line numbers."""
    source = batch.input_object()
    if not source:
        return Places()
    file = source.key.rpartition("/")[2]
    if not source.listed and (is_csv(source.key, source.reading) or is_gzipped(source.key)):
        return Places(file)
    at = [entry["item"].get(AT_KEY, {}) for entry in entries]
    positions = sorted({place["byte"] for place in at if "byte" in place})
    try:
        if source.listed:
            return Places(files=names_of({place["file"] for place in at if "file" in place}, blocks(batch, source)))
        return Places(file, line_numbers(blocks(batch, source), positions) if positions else {})
    except ClientError:
        # The object has expired or was changed.
        return Places(file)


def blocks(batch: OneBatch, source: InputObject) -> Iterator[bytes]:
    """Yield the object's content at the batch's start."""
    pinned = {"IfMatch": source.etag} if source.etag else {}
    body = batch.batches.input_s3().get_object(Bucket=source.bucket, Key=source.key, **pinned)["Body"]
    try:
        yield from body.iter_chunks(BLOCK_BYTES)
    finally:
        body.close()


def names_of(numbers: Set[int], content: Iterable[bytes]) -> dict[int, str]:
    """The names of the files with these numbers in a list, which `content` is."""
    found: dict[int, str] = {}
    rest = b""
    number = 0
    for block in content if numbers else ():
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            number += 1
            if number in numbers:
                found[number] = str(json.loads(line)["key"]).rpartition("/")[2]
    return found


def line_numbers(content: Iterable[bytes], positions: list[int]) -> dict[int, int]:
    """The line number, from 1, of every position in ascending `positions`. Reads no further than the last one."""
    found: dict[int, int] = {}
    left = iter(positions)
    position, number, start = next(left, None), 1, 0
    for block in content:
        at = 0
        while position is not None and position < start + len(block):
            number += block.count(b"\n", at, position - start)
            at = position - start
            found[position] = number
            position = next(left, None)
        if position is None:
            break
        number += block.count(b"\n", at)
        start += len(block)
    return found


def only_rejected(batch: OneBatch) -> bool:
    """Whether every failed item is a line that is no item, or an invalid item: a redrive does not help."""
    return all(ERROR_KEY in entry["item"] for entry in batch.failed_items())
