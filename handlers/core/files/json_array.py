"""Items in one JSON array, read element by element, however long the array is."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from handlers.core.files.formats import TOO_LONG, json_item
from handlers.core.files.lines import BLANK, MAX_LINE_BYTES
from handlers.core.files.unreadable import Unreadable
from handlers.core.items import MAX_ITEM_BYTES
from handlers.core.json_text import Item
from handlers.core.reading import AS_IT_IS, Reading
from handlers.core.rejected import rejected

PIECE_BYTES = 64 * 1024
# What ends a text or begins an escape in it. Outside of texts: a whole text, or a whole object that has no other value
# with brackets, which is passed over; or what else matters, between elements and within one.
IN_TEXT = re.compile(rb'["\\]')
WHOLE_TEXT = rb'"(?:[^"\\]++|\\[\s\S])*+"'
WHOLE = rb'\{(?:[^"{}\[\]]++|' + WHOLE_TEXT + rb")*+\}|" + WHOLE_TEXT
BETWEEN = re.compile(WHOLE + rb'|["\[\]{},]')
WITHIN = re.compile(WHOLE + rb'|["\[\]{}]')
CLOSE = "close it with ], or send it anew"


@dataclass(frozen=True)
class Element:
    """The text of an element; of one that is longer than an item may be, its beginning."""

    text: bytes
    cut: bool


def array_items(
    stream: io.BufferedIOBase, skip: int = 0, reading: Reading = AS_IT_IS, prefix: str = ""
) -> Iterator[Item]:
    """The items of an array without the first `skip`; `stream` stands behind its opening bracket.

    An element that is no item is rejected under its number. Raises Unreadable where the array breaks off.
    """
    for number, element in enumerate(elements(stream), 1):
        name = f"{prefix}element-{number}"
        if skip:
            skip -= 1
        elif element.cut:
            yield rejected(name, TOO_LONG, element.text)
        else:
            yield json_item(element.text, name, reading)


def elements(stream: io.BufferedIOBase) -> Iterator[Element]:
    """The elements of the array in whose opening bracket `stream` has ended. Raises Unreadable."""
    scan = Scan()
    number = 0
    while piece := stream.read1(PIECE_BYTES):
        for element in scan.feed(piece):
            number += 1
            yield element
        if scan.closed:
            refuse_more(scan.rest, stream)
            return
        if scan.size > MAX_LINE_BYTES:
            raise Unreadable(f"element {number + 1} of the array has no end before {MAX_LINE_BYTES:,} bytes", CLOSE)
    raise Unreadable(f"the array ends in element {number + 1}, before it is closed", CLOSE)


def refuse_more(rest: bytes, stream: io.BufferedIOBase) -> None:
    """Raise Unreadable if more than blanks follow the array. Reads to the end, which shows damage of gzip, too."""
    while True:
        if rest.strip(BLANK):
            raise Unreadable("there is more text after the end of the array", "put all items into one array")
        if not (rest := stream.read1(PIECE_BYTES)):
            return


class Scan:
    """Finds the elements of an array in pieces of any size. Brackets are counted whatever their kind: see json_item."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._depth = 0
        self._in_text = self._escaped = False
        self._first = True
        self.size = 0
        self.closed = False
        self.rest = b""

    def feed(self, piece: bytes) -> Iterator[Element]:
        """The elements that end in the next piece."""
        begin = at = 0
        if self._escaped:
            at, self._escaped = 1, False
        while found := (IN_TEXT if self._in_text else WITHIN if self._depth else BETWEEN).search(piece, at):
            at, character = found.end(), found[0]
            if len(character) > 1:
                continue
            if character == b"\\":
                self._escaped = at == len(piece)
                at += 1
            elif self._ends(character):
                self._hold(piece[begin : at - 1])
                begin, self.closed = at, character == b"]"
                if (element := self._element()) is not None:
                    yield element
                if self.closed:
                    self.rest = piece[at:]
                    return
        self._hold(piece[begin:])

    def _ends(self, character: bytes) -> bool:
        """Whether a character that matters ends an element."""
        if character == b'"':
            self._in_text = not self._in_text
        elif character in b"[{":
            self._depth += 1
        elif self._depth:
            self._depth -= 1
        else:
            return character != b"}"
        return False

    def _hold(self, part: bytes) -> None:
        part = part if self._held else part.lstrip(BLANK)
        self.size += len(part)
        self._held += part[: max(0, MAX_ITEM_BYTES + 1 - len(self._held))]

    def _element(self) -> Element | None:
        """The element that has ended; None for the blanks of an empty array."""
        text = bytes(self._held).strip(BLANK)
        only, self._first = self._first and self.closed, False
        self._held.clear()
        self.size = 0
        return None if only and not text else Element(text, cut=len(text) > MAX_ITEM_BYTES)
