"""A file of items on this machine, read as the batchers read an object in S3."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from handlers.aws.input_object import (
    BUFFER_BYTES,
    BYTES_PER_ITEM,
    GZIP_RATIO,
    ExpandedBody,
    can_be_cut,
    whole_items,
)
from handlers.core.files.encodings import UTF_8, marked_encoding, recoded
from handlers.core.files.formats import json_items
from handlers.core.files.lines import Lines
from handlers.core.files.look import HEAD_BYTES, is_gzipped, look
from handlers.core.files.names import reading_of
from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import Item
from handlers.core.reading import Reading


class LocalFile:
    """A file and what is said of how it is read. Its errors are those of a batcher; it may raise OSError, too."""

    def __init__(self, path: Path, reading: Reading):
        self.path = path
        self.size = path.stat().st_size
        self._said = reading
        self._packed = is_gzipped(path.name)
        self._stream: BufferedReader | None = None

    def look(self) -> None:
        """Raise Unreadable if a batcher refuses the file before it reads an item."""
        with self._named(), self.path.open("rb") as file:
            look(self.path.name, file.read(HEAD_BYTES), self._said)

    def refuse_unless_known(self) -> None:
        """Raise Unreadable if nothing tells the file's format, or its items are in S3."""
        with self._named():
            if self._reading.format == "inventory":
                found = "found the manifest of an S3 Inventory, expected a file with items"
                raise Unreadable(found, "its objects are in S3, where only a batch reads them")

    def items(self, prefix: str) -> Iterator[tuple[int, Item]]:
        """Yield each item, with the byte at which its line begins, or 0 if the file is not read in parts.

        The names of lines begin with `prefix`, and have numbers. Raises Unreadable where the file breaks off.
        """
        in_parts = self.is_read_in_parts
        with self._named(), self.path.open("rb") as self._stream:
            content = BufferedReader(ExpandedBody(self._stream), BUFFER_BYTES) if self._packed else self._stream
            text, _ = recoded(content, self._said.encoding)
            if not in_parts:
                yield from ((0, item) for item in whole_items(text, self._reading, 0, prefix))
                return
            lines = Lines(text)
            for item in json_items(lines, lambda: f"{prefix}line-{lines.number}", 0, self._reading):
                yield lines.start, item

    @property
    def read(self) -> int:
        """The bytes that have been read."""
        return self._stream.tell() if self._stream and not self._stream.closed else self.size

    @property
    def is_read_in_parts(self) -> bool:
        """Whether several batchers may read parts of the file."""
        with self.path.open("rb") as file:
            encoding = self._said.encoding or marked_encoding(file.read(HEAD_BYTES))
        return not self._packed and encoding in (None, *UTF_8) and can_be_cut(self._reading)

    @property
    def estimate(self) -> int:
        """The number of items as the batchers estimate it."""
        return math.ceil(self.size * (GZIP_RATIO if self._packed else 1) / BYTES_PER_ITEM)

    @property
    def _reading(self) -> Reading:
        return reading_of(self.path.name, self._said)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the file in what is raised."""
        try:
            yield
        except Unreadable as unreadable:
            where = ", ".join(filter(None, (self.path.name, unreadable.where)))
            raise Unreadable(unreadable.found, unreadable.hint, where) from None
