"""Where in its file a line stands that is no item."""

from collections.abc import Iterable, Iterator, Mapping
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
    """The file's name, and which line begins at a byte of it, as far as it could be read."""

    file: str | None = None
    lines: Mapping[int, int] = field(default_factory=dict)

    def of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """`{"file", "line"}`, or `{"file", "byte"}` where the line is not known; nothing of what came from no line."""
        at = item.get(AT_KEY, {})
        if "byte" in at and at["byte"] in self.lines:
            at = {"line": self.lines[at["byte"]]}
        return {"file": self.file, **at} if at and self.file else dict(at)

    def title(self, item: Mapping[str, Any]) -> str:
        """What people know an item by: its id, or file and line and, if it names one, its id."""
        at = self.of(item)
        if not at:
            return str(item["id"])
        named = "-".join(map(str, *item[AT_KEY].items()))
        own = item.get(ID_KEY) if item["id"] == named else item["id"]
        unit = "line" if "line" in at else "byte"
        place = " ".join(filter(None, (at.get("file"), unit, str(at[unit]))))
        return f"{place} (id {own})" if own else place


def places_in(batch: OneBatch, entries: Iterable[dict[str, Any]]) -> Places:
    """The places of failed items: `entries` are gone through, and the file is read, where bytes are to become lines."""
    source = batch.input_object()
    if not source:
        return Places()
    file = source.key.rpartition("/")[2]
    if is_csv(source.key) or is_gzipped(source.key):
        return Places(file)
    at = (entry["item"].get(AT_KEY, {}) for entry in entries)
    positions = sorted({place["byte"] for place in at if "byte" in place})
    try:
        return Places(file, line_numbers(blocks(batch, source), positions) if positions else {})
    except ClientError:
        # It has expired, or was changed.
        return Places(file)


def blocks(batch: OneBatch, source: InputObject) -> Iterator[bytes]:
    """The object's content as it was when the batch began."""
    pinned = {"IfMatch": source.etag} if source.etag else {}
    body = batch.batches.input_s3().get_object(Bucket=source.bucket, Key=source.key, **pinned)["Body"]
    try:
        yield from body.iter_chunks(BLOCK_BYTES)
    finally:
        body.close()


def line_numbers(content: Iterable[bytes], positions: list[int]) -> dict[int, int]:
    """Of ascending positions, which line each is in, from 1. No more is read than up to the last one."""
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
    """Whether all that has failed are lines that are no items, or items that cannot travel: no redrive helps those."""
    return all(ERROR_KEY in entry["item"] for entry in batch.failed_items())
