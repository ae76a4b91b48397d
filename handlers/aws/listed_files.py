"""An input that is several files, which an object lists: their bytes in its order are the extent of the batch.

The object is a list of files with items, or the manifest of an S3 Inventory, whose files list objects.
"""

import json
import math
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import Any

from handlers.aws.input_object import get, object_items, opened, pinned, place_of, refuse_other_places
from handlers.core.batch import InputObject, InvalidRequest
from handlers.core.files.inventory import MAX_MANIFEST_BYTES, Manifest, listed_object, manifest_of
from handlers.core.files.lines import Lines
from handlers.core.files.names import reading_of
from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import Item
from handlers.core.quoting import quoted
from handlers.core.reading import Reading

# Each segment reads the list, and each file takes a request and a look of the batcher.
MAX_FILES = 100_000
# Less than a function's disk has.
MAX_LIST_BYTES = 128 * 1024 * 1024
COPIED_BYTES = 64 * 1024


@dataclass(frozen=True)
class ListedFile:
    """A file, its number in the list from 1, its size in bytes, and the byte of the extent at which it begins."""

    source: InputObject
    number: int
    size: int
    start: int

    @property
    def end(self) -> int:
        """The byte behind it. An empty file has one byte of the extent, too: so it is in a part."""
        return self.start + max(1, self.size)


def pinned_input(source: InputObject) -> tuple[InputObject, int | None, int]:
    """The input as `pinned` gives it: one object, or the list of files. Raises InvalidRequest."""
    if not source.listed:
        source, extent, estimate = pinned(source)
        if not is_inventory(source):
            return source, extent, estimate
    answer = get(source)
    answer["Body"].close()
    source = replace(source, etag=answer["ETag"])
    length, items_per_byte = 0, 0.0
    for file in listed_files(source):
        refuse_unless_known(file)
        if file.number == 1:
            # What is wrong with how it is read is likely to be wrong with all.
            items_per_byte = pinned(file.source)[2] / max(1, file.size)
        length = file.end
    return source, length, math.ceil(length * items_per_byte)


def refuse_unless_known(file: ListedFile) -> None:
    """Raise InvalidRequest for a file elsewhere, or of which nothing tells the format."""
    refuse_other_places(file.source)
    try:
        if reading_of(file.source.key, file.source.reading).format == "inventory":
            raise Unreadable("the manifest of an S3 Inventory is not joined with files", "run it as a batch of its own")
    except Unreadable as unreadable:
        raise InvalidRequest(f"input: {place_of(file.source)}: {unreadable}") from None


def input_items(source: InputObject, first: int, last: int | None, skip: int) -> Iterator[Item]:
    """The items of a part of the input, as `object_items` gives them.

    Of several files, one that cannot be read any further does not keep the others from being read: the first one's
    Unreadable is raised at the end.
    """
    inventory = is_inventory(source)
    if not (source.listed or inventory):
        yield from object_items(source, first, last, skip)
        return
    unreadable = None
    for file in listed_files(source):
        if last is not None and file.start >= last:
            break
        if file.end <= first or (file.start < first and not can_be_cut(file.source)):
            continue
        begin, end = max(0, first - file.start), None if last is None else min(last - file.start, file.size)
        try:
            for item in object_items(file.source, begin, end, 0, file.size, f"file-{file.number}-"):
                if skip:
                    skip -= 1
                else:
                    yield listed_object(item) if inventory else item
        except Unreadable as error:
            unreadable = unreadable or error
    if unreadable:
        raise unreadable


def can_be_cut(source: InputObject) -> bool:
    """Whether a part of the file may begin within it; otherwise all of it is in the part in which it begins."""
    with closing(opened(source)) as content:
        return content.can_be_cut


def listed_files(source: InputObject) -> Iterator[ListedFile]:
    """The files of a list. Raises InvalidRequest if it is none, or too long."""
    start = 0
    manifest = manifest_in(source) if is_inventory(source) else None
    reading = manifest.reading if manifest else source.reading
    found = ((key, size, None) for key, size in manifest.files) if manifest else entries(source)
    for number, (key, size, etag) in enumerate(found, 1):
        if number > MAX_FILES:
            raise InvalidRequest(
                f"input: {place_of(source)} lists more than {MAX_FILES:,} files: join them, or run several batches"
            )
        file = ListedFile(InputObject(source.bucket, key, etag, reading), number, size, start)
        start = file.end
        yield file


def is_inventory(source: InputObject) -> bool:
    """Whether the input is the manifest of an S3 Inventory."""
    return not source.listed and reading_of(source.key, source.reading).format == "inventory"


def manifest_in(source: InputObject) -> Manifest:
    """The manifest that the object is. Raises Unreadable."""
    with closing(opened(source)) as content:
        text = content.stream.read(MAX_MANIFEST_BYTES + 1)
    try:
        if len(text) > MAX_MANIFEST_BYTES:
            raise Unreadable(f"it has more than {MAX_MANIFEST_BYTES:,} bytes, as no manifest of an S3 Inventory has")
        return manifest_of(text)
    except Unreadable as unreadable:
        raise unreadable.at(place_of(source)) from None


def entries(source: InputObject) -> Iterator[tuple[str, int, str]]:
    """Key, size and ETag of each file in a list: JSON Lines with the fields `key`, `size` and `etag`."""
    # Copied first: S3 gives up a connection that waits while the files are read.
    with TemporaryFile() as copy:
        with closing(opened(replace(source, listed=False, reading=Reading(format="jsonl")))) as content:
            while piece := content.stream.read(COPIED_BYTES):
                if copy.tell() + len(piece) > MAX_LIST_BYTES:
                    raise InvalidRequest(f"input: {place_of(source)}: a list has at most {MAX_LIST_BYTES:,} bytes")
                copy.write(piece)
        copy.seek(0)
        lines = Lines(copy)
        while (line := lines.read()) is not None:
            if line.strip():
                yield entry_of(line, f"input: {place_of(source)}, line {lines.number}")


def entry_of(line: bytes, place: str) -> tuple[str, int, str]:
    """What a line says of a file. Raises InvalidRequest."""
    try:
        found: Any = json.loads(line)
        key, size, etag = found["key"], found["size"], found["etag"]
    except (ValueError, RecursionError, KeyError, TypeError):
        key = None
    if not isinstance(key, str) or not isinstance(etag, str) or type(size) is not int or size < 0:
        text = quoted(line.decode("utf-8", "replace").strip())
        raise InvalidRequest(f'{place}: {text} must be a file: {{"key": "...", "size": 7, "etag": "..."}}')
    return key, size, etag
