"""A file of items on this machine, read as the batchers read an object in S3."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handlers.aws.input_object import BUFFER_BYTES, ExpandedBody
from handlers.core.files.formats import csv_items, json_items
from handlers.core.files.lines import Lines
from handlers.core.files.look import HEAD_BYTES, is_csv, is_gzipped, look, refuse_other_endings
from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import Item


class LocalFile:
    """An open file of items, called `path`. Its errors are those of a batcher, and it names lines by their number."""

    def __init__(self, path: Path, file: io.BufferedReader):
        self.path = path
        self.file = file
        content = ExpandedBody(file) if self._is_gzipped else file
        self._lines = Lines(io.BufferedReader(content, BUFFER_BYTES))

    def look(self) -> None:
        """Raise Unreadable if a batcher refuses the file before it reads an item."""
        with self._named():
            refuse_other_endings(self.path.name)
            look(self.path.name, self.file.read(HEAD_BYTES))
        self.file.seek(0)

    def items(self) -> Iterator[Item]:
        """The items. Raises Unreadable where the file breaks off."""
        lines = self._lines
        with self._named():
            if is_csv(self.path.name):
                yield from csv_items(lines)
            else:
                yield from json_items(lines, lambda: f"line-{lines.number}")

    @property
    def begins_at(self) -> int:
        """The byte of the content at which the line of the item yielded last begins."""
        return self._lines.start

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the file in what is raised."""
        try:
            yield
        except Unreadable as unreadable:
            where = ", ".join(filter(None, (self.path.name, unreadable.where)))
            raise Unreadable(unreadable.found, unreadable.hint, where) from None

    @property
    def is_whole_only(self) -> bool:
        """Whether one batcher has to read the file from its beginning to its end."""
        return self._is_gzipped or is_csv(self.path.name)

    @property
    def _is_gzipped(self) -> bool:
        return is_gzipped(self.path.name)
