"""Lines of an input object: no line fills the memory, and each is known by its place."""

import codecs
import io

from handlers.core.files.unreadable import Unreadable
from handlers.core.items import MAX_ITEM_BYTES

# A file with a longer line is no file of lines.
MAX_LINE_BYTES = 64 * 1024 * 1024
BLANK = b" \t\r\n"


class Lines:
    """Reads a stream line by line, up to the last line that begins before byte `last`.

    `start` and `number` describe the line read last: the byte of the object at which it begins, and its number in the
    stream, from 1. `cut` says that the line is too long for an item and that `read` returned only its beginning.
    """

    def __init__(self, stream: io.BufferedReader | io.BufferedRandom, start: int = 0, last: int | None = None):
        self._stream = stream
        self._next = start
        self._last = last
        self.start = start
        self.number = 0
        self.cut = False

    def read(self) -> bytes | None:
        """The next line with its end, or the beginning of a line that is too long (see `read_on`); None at the end."""
        if self._is_through():
            return None
        # Room for an item and two bytes of line end.
        line = self._stream.readline(MAX_ITEM_BYTES + 2)
        if not line:
            return None
        self.number += 1
        self.start = self._next
        self._next += len(line)
        self.cut = len(line) == MAX_ITEM_BYTES + 2 and not line.endswith(b"\n")
        return line.removeprefix(codecs.BOM_UTF8) if self.start == 0 else line

    def read_on(self) -> bytes | None:
        """More of a line that was cut; None at its end. Raises Unreadable if the line is longer than MAX_LINE_BYTES."""
        more = self._stream.readline(MAX_ITEM_BYTES) if self.cut else b""
        self._next += len(more)
        if self._next - self.start > MAX_LINE_BYTES:
            raise Unreadable(
                f"the line at byte {self.start} is longer than {MAX_LINE_BYTES:,} bytes",
                "end each item with a line feed",
                f"line {self.number}" if self.start == 0 else "",
            )
        self.cut = bool(more) and not more.endswith(b"\n")
        return more or None

    def pass_over(self) -> None:
        """Read to the end of a line that was cut. Raises Unreadable as `read_on` does."""
        while self.read_on():
            pass

    def pass_over_blank_lines(self) -> None:
        """Skip many blank lines at a time: a hundred million of them must not use up the batcher's time."""
        while not self._is_through() and (ahead := self._stream.peek()):
            blank = ahead[: len(ahead) - len(ahead.lstrip(BLANK))]
            # Spaces in front of an item are part of its line.
            whole = blank.rfind(b"\n") + 1
            if not whole:
                return
            self._stream.read(whole)
            self._next += whole
            self.number += blank.count(b"\n")

    def _is_through(self) -> bool:
        return self._last is not None and self._next >= self._last


def lines_of_part(stream: io.BufferedReader, first: int, last: int | None) -> Lines:
    """The lines that begin in the bytes [first, last) of an object.

    `stream` begins one byte earlier (at 0 for the first part): a line that began before `first` is in another part.
    """
    if first == 0:
        return Lines(stream, 0, last)
    position, begun_before = first - 1, True
    while begun_before and (last is None or position < last) and (rest := stream.readline(MAX_ITEM_BYTES)):
        position += len(rest)
        begun_before = not rest.endswith(b"\n")
    return Lines(stream, position, last)
