"""The lines of a CSV file, row by row; a row that is too long is skipped."""

import csv

from handlers.core.files.lines import MAX_LINE_BYTES, Lines
from handlers.core.files.unreadable import Unreadable
from handlers.core.files.what_is_wrong import AFTER_QUOTE, not_utf8
from handlers.core.items import MAX_ITEM_BYTES

CLOSE = "close it, and write a quote within quotes twice"
START, PLAIN, QUOTED, QUOTE = range(4)
# RowLines limits the length of a row, so this limit of the csv module, for a field, is never reached.
csv.field_size_limit(MAX_LINE_BYTES)


class LongRow(Exception):
    """This row is longer than an item may be."""


class RowLines:
    """The lines of a CSV file as csv.reader takes them, a row at a time. Names of rows begin with `prefix`."""

    def __init__(self, lines: Lines, delimiter: str = ",", prefix: str = ""):
        self._lines = lines
        self._delimiter = delimiter
        self._prefix = prefix
        self.begin()

    def begin(self) -> None:
        """Begin a row with the next line."""
        self.first = self.count = 0
        self.trouble: str | None = None
        self._held = bytearray()

    def __iter__(self) -> "RowLines":
        return self

    def __next__(self) -> str:
        line = self._lines.read()
        if line is None:
            raise StopIteration
        self.count += 1
        self._held += line
        if self.count == 1:
            self.first = self._lines.number
        if self._lines.cut or len(self._held) > MAX_ITEM_BYTES + 2:
            raise LongRow
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self.trouble = not_utf8(line, error)
            return line.decode(errors="replace")

    def pass_over(self) -> None:
        """Read to the end of a row that is too long. Raises Unreadable if its end cannot be found."""
        end, size, line = RowEnd(self._delimiter), 0, self.text
        while True:
            size += len(line)
            end.feed(line)
            while more := self._lines.read_on():
                size += len(more)
                end.feed(more)
            if end.broken and self.count == 1:
                # As for a short row: the next line begins another row.
                return
            if end.broken:
                raise Unreadable(f"the row at line {self.first} cannot be read: {AFTER_QUOTE}", CLOSE)
            if end.reached:
                return
            following = self._lines.read()
            if following is None and (self.count == 1 or not end.open):
                return
            if following is None or size > MAX_LINE_BYTES:
                found = "the end of the file" if following is None else f"{MAX_LINE_BYTES:,} bytes"
                raise Unreadable(f"the row at line {self.first} has a quote that is not closed before {found}", CLOSE)
            self.count += 1
            line = following

    @property
    def text(self) -> bytes:
        """The row as far as it was read."""
        return bytes(self._held)

    @property
    def shown(self) -> str:
        """The row's text, as far as it is one."""
        return self.text.decode(errors="replace")

    @property
    def name(self) -> str:
        return f"{self._prefix}line-{self.first}"


class RowEnd:
    """Follows a row in pieces of any size; a piece never reaches beyond a line's end.

    `reached`: the pieces so far are a whole row. `broken`: they cannot be a row, by csv.reader's rules.
    """

    def __init__(self, delimiter: str = ",") -> None:
        self._delimiter = delimiter.encode()
        # START of a field; PLAIN: in a field without quotes, or behind its quotes; QUOTED: in quotes; QUOTE: behind a
        # quote within quotes, which closes the field or is the first of two.
        self._state = START
        self.reached = self.broken = False

    @property
    def open(self) -> bool:
        """Whether a quote is not closed yet."""
        return self._state == QUOTED

    def feed(self, piece: bytes) -> None:
        """Follow the quotes through the next piece."""
        at = 0
        while at < len(piece):
            if self._state == QUOTED:
                at = piece.find(b'"', at) + 1 or len(piece) + 1
                self._state = QUOTE if at <= len(piece) else QUOTED
            elif self._state == PLAIN:
                at = piece.find(self._delimiter, at) + 1 or len(piece) + 1
                self._state = START if at <= len(piece) else PLAIN
            elif piece[at] == ord('"'):
                self._state = QUOTED
                at += 1
            elif piece[at] == self._delimiter[0]:
                self._state = START
                at += 1
            else:
                self.broken = self.broken or (self._state == QUOTE and piece[at] not in b"\r\n")
                self._state = PLAIN
        self.reached = self._state != QUOTED and piece.endswith(b"\n")
