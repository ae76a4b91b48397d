"""Items in lines: JSON Lines and CSV. What is no item becomes one that fails with the reason. Pure."""

import csv
import json
from collections.abc import Callable, Iterator

from handlers.batch import InvalidRequest
from handlers.items import MAX_ITEM_BYTES, invalid_item, invalid_unless_named
from handlers.lines import Lines

# Rows over several lines have to be held whole to be told apart.
MAX_ROW_BYTES = 4 * MAX_ITEM_BYTES
TOO_LONG = f"longer than {MAX_ITEM_BYTES} bytes"

# A field may be as long as an item; the module's own limit is half of that.
csv.field_size_limit(MAX_ITEM_BYTES)


def json_items(lines: Lines, name: Callable[[], str], skip: int = 0) -> Iterator[dict]:
    """One JSON object a line, without the first `skip`; blank lines are passed over.

    `name` gives the line read last an id, for the item that stands for it when it is none.
    """
    while (line := lines.read()) is not None:
        if not line.strip():
            lines.pass_over_blank_lines()
        elif skip:
            skip -= 1
        else:
            yield invalid_item(name(), TOO_LONG) if lines.cut else json_item(line, name())


def json_item(line: bytes, name: str) -> dict:
    """The item that a line holds, or an invalid item called `name`."""
    try:
        item = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return invalid_item(name, f"not UTF-8: {error}")
    except (ValueError, RecursionError) as error:
        return invalid_item(name, f"not JSON: {error}")
    return invalid_unless_named(item, name) if isinstance(item, dict) else invalid_item(name, "not a JSON object")


class BadRow(Exception):
    """This row is no item, but the next one can be read."""


class RowLines:
    """The lines of a CSV file as csv.reader takes them, a row at a time."""

    def __init__(self, lines: Lines):
        self._lines = lines
        self.begin()

    def begin(self) -> None:
        """The next line begins a row."""
        self.first = self.count = self.size = 0
        self.trouble: str | None = None

    def __iter__(self) -> "RowLines":
        return self

    def __next__(self) -> str:
        line = self._lines.read()
        if line is None:
            raise StopIteration
        self.count += 1
        self.size += len(line)
        if self.count == 1:
            self.first = self._lines.number
            if self._lines.cut:
                raise BadRow(TOO_LONG)
        elif self._lines.cut or self.size > MAX_ROW_BYTES:
            raise InvalidRequest(f"input: the row at line {self.first} is longer than {MAX_ROW_BYTES:,} bytes: {QUOTE}")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            self.trouble = f"not UTF-8: {error}"
            return line.decode(errors="replace")


QUOTE = "a quote is not closed?"


def csv_items(lines: Lines) -> Iterator[dict]:
    """One item a row, with the header's names as its fields and texts as their values; blank rows are passed over.

    Raises InvalidRequest when the header has no `id`, or when the rows cannot be told apart any more.
    """
    rows = RowLines(lines)
    reader = csv.reader(rows, strict=True)
    header: list[str] = []
    while True:
        rows.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, BadRow) as error:
            if rows.count > 1 or not header:
                raise InvalidRequest(f"input: the row at line {rows.first} cannot be read: {error}") from error
            yield invalid_item(f"line-{rows.first}", str(error))
            continue
        if not "".join(row).strip():
            lines.pass_over_blank_lines()
        elif not header:
            header = row
            if rows.trouble or "id" not in header:
                raise InvalidRequest(f"input: the header must name a column id: {', '.join(header)[:200]}")
        elif rows.trouble or len(row) != len(header):
            reason = rows.trouble or f"{len(row)} fields where the header has {len(header)}"
            yield invalid_item(f"line-{rows.first}", reason)
        else:
            yield invalid_unless_named(dict(zip(header, row, strict=True)), f"line-{rows.first}")
