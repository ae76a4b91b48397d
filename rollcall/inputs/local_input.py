"""The input of a batch as files of this machine: one, or several that the batchers read by a list."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from handlers.core.files.unreadable import Unreadable
from handlers.core.json_text import Item
from handlers.core.reading import AS_IT_IS, Reading
from handlers.core.rejected import AT_KEY, ItemOfLine
from handlers.sqs.records import segments_for
from rollcall.inputs.local_file import LocalFile

# A place is one number: that of the file, shifted by so many bits, and that of the line or element. It sorts as these.
LINE_BITS = 44


class LocalInput:
    """The files of a batch, in their order. With `listed` they are numbered, as where there are several."""

    def __init__(self, paths: Sequence[Path], reading: Reading = AS_IT_IS, listed: bool = False):
        self._files = [LocalFile(path, reading) for path in paths]
        self._listed = listed
        self._at = 0
        self._units: dict[int, str] = {}
        self.begins_at = 0
        starts = [0]
        for file in self._files:
            # An empty file of a list has one byte of the extent, too.
            starts.append(starts[-1] + (max(1, file.size) if listed else file.size))
        self._starts = starts

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self._files)

    @property
    def read(self) -> int:
        """The bytes that have been read."""
        return sum(file.size for file in self._files[: self._at]) + self._files[self._at].read

    def look(self) -> None:
        """Raise Unreadable if a batcher refuses the input before it reads an item: it looks into the first file."""
        for file in self._files:
            file.refuse_unless_known()
        self._files[0].look()

    def items(self) -> Iterator[Item]:
        """The items. `begins_at` is then the byte of the extent at which the one yielded last is read.

        A file that breaks off keeps no other from being read: the first one's Unreadable is raised at the end.
        """
        unreadable = None
        for number, file in enumerate(self._files):
            self._at = number
            try:
                for byte, item in file.items(f"file-{number + 1}-" if self._listed else ""):
                    self.begins_at = self._starts[number] + byte
                    yield item
            except Unreadable as error:
                unreadable = unreadable or error
        if unreadable:
            raise unreadable

    def segment_bytes(self, items_per_chunk: int, chunks_per_segment: int) -> int:
        """The bytes of a segment in which the SQS batcher makes its chunks; 0 if there is but one segment."""
        first, length = self._files[0], self._starts[-1]
        if not self._listed and not first.is_read_in_parts:
            return 0
        items = math.ceil(length * (first.estimate / max(1, first.size))) if self._listed else first.estimate
        return segments_for(length, math.ceil(items / items_per_chunk), items_per_chunk, chunks_per_segment)[1]

    def place(self, item: Item) -> int:
        """Where an item begins, as a number."""
        at = place_in(item.name) if isinstance(item, ItemOfLine) else item[AT_KEY]
        number = at.get("file", 0)
        unit = self._units.setdefault(number, "element" if "element" in at else "line")
        return int(number << LINE_BITS) + int(at[unit])

    def at(self, place: int) -> dict[str, str | int]:
        """The place with that number: the file's name, where there are several, and the number of the line."""
        number, line = place >> LINE_BITS, place & ((1 << LINE_BITS) - 1)
        file = {"file": self._files[number - 1].path.name} if number else {}
        return file | {self._units.get(number, "line"): line}

    def title(self, place: int) -> str:
        """The place with that number, for people: `line 7`, or `orders.csv line 7`."""
        return " ".join(f"{value}" if name == "file" else f"{name} {value:,}" for name, value in self.at(place).items())


def place_in(name: str) -> dict[str, int]:
    """The numbers in the name of a line: `file-2-line-7`."""
    words = name.split("-")
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))
