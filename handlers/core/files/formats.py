"""Items in lines: JSON Lines and CSV. An invalid line becomes a rejection, which fails with its reason."""

import csv
import json
from collections.abc import Callable, Iterator

from handlers.core.files.csv_header import Header, can_be_split, checked_header, header_given, repeats
from handlers.core.files.lines import Lines
from handlers.core.files.row_lines import CLOSE, LongRow, RowLines
from handlers.core.files.unreadable import Unreadable
from handlers.core.files.what_is_wrong import (
    LONE_RETURN,
    NOT_UTF8,
    RepeatedName,
    csv_trouble,
    json_trouble,
    not_utf8,
    object_of,
)
from handlers.core.items import MAX_ITEM_BYTES, item_of_line
from handlers.core.json_text import Item
from handlers.core.quoting import quoted
from handlers.core.reading import AS_IT_IS, Reading
from handlers.core.rejected import rejected

TOO_LONG = f"longer than {MAX_ITEM_BYTES:,} bytes"


def json_items(lines: Lines, name: Callable[[], str], skip: int = 0, reading: Reading = AS_IT_IS) -> Iterator[Item]:
    """The items of JSON Lines, without the first `skip` and without blank lines.

    `name` names the line read last, for its rejection.
    """
    while (line := lines.read()) is not None:
        too_long = lines.cut
        lines.pass_over()
        if not too_long and not line.strip():
            lines.pass_over_blank_lines()
        elif skip:
            skip -= 1
        else:
            yield rejected(name(), TOO_LONG, line) if too_long else json_item(line, name(), reading)


def json_item(line: bytes, name: str, reading: Reading = AS_IT_IS) -> Item:
    """The item on a line called `name`, or its rejection."""
    try:
        text = line.decode().rstrip()
        item = json.loads(text)
        # Each name has a colon: a name can be repeated only if there are more colons than names.
        if isinstance(item, dict) and text.count(":") > len(item):
            item = json.loads(text, object_pairs_hook=object_of)
    except UnicodeDecodeError as error:
        return rejected(name, not_utf8(line, error), line)
    except (ValueError, RecursionError, RepeatedName) as error:
        return rejected(name, json_trouble(line.decode(), error), line)
    if not isinstance(item, dict):
        return rejected(name, f"not a JSON object: found {quoted(line.decode().strip())}", line)
    return item_of_line(item, name, line, reading)


def csv_items(lines: Lines, reading: Reading = AS_IT_IS, prefix: str = "") -> Iterator[Item]:
    """The items of CSV: the header names their fields, and all values are texts. Blank rows are skipped.

    Names of rows begin with `prefix`. Raises Unreadable if the header is invalid, or if it is unknown where a row ends.
    """
    header = csv_header(lines, reading)
    rows = RowLines(lines, header.delimiter, prefix)
    reader = csv.reader(rows, strict=True, delimiter=header.delimiter)
    while header.names:
        rows.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, LongRow) as error:
            trouble = csv_trouble(error, rows.text)
            if trouble and rows.count > 1:
                raise Unreadable(f"the row at line {rows.first} cannot be read: {trouble}", CLOSE) from None
            if not trouble:
                rows.pass_over()
            yield rejected(rows.name, trouble or TOO_LONG, rows.text)
            continue
        if "".join(row).strip():
            yield row_item(header, row, rows, reading)
        else:
            lines.pass_over_blank_lines()


def csv_header(lines: Lines, reading: Reading = AS_IT_IS) -> Header:
    """The header, from the first row that is not blank; without names if there is no such row. Raises Unreadable."""
    if reading.header:
        return header_given(reading.header, reading)
    rows = RowLines(lines, reading.delimiter or ",")
    reader = csv.reader(rows, strict=True, delimiter=reading.delimiter or ",")
    while True:
        rows.begin()
        try:
            row = next(reader)
        except StopIteration:
            return Header([])
        except (csv.Error, LongRow) as error:
            # With quotes around its names it is no row of CSV if it has another delimiter.
            row = [text] if isinstance(error, csv.Error) and can_be_split(text := rows.shown, reading) else []
            if not row:
                trouble = csv_trouble(error, rows.text) or TOO_LONG
                hint = (
                    "convert its line ends" if trouble == LONE_RETURN else "give each column a name, without line ends"
                )
                raise Unreadable(f"the header cannot be read: {trouble}", hint, f"line {rows.first}") from None
        if "".join(row).strip():
            if rows.trouble:
                raise Unreadable(f"the header is {rows.trouble}", NOT_UTF8, f"line {rows.first}")
            return checked_header(rows.shown, rows.first, reading)
        lines.pass_over_blank_lines()


def row_item(header: Header, row: list[str], rows: RowLines, reading: Reading = AS_IT_IS) -> Item:
    """The item in a row, or its rejection. Empty fields after the last column are dropped."""
    names = header.names
    fields = row[: len(names)] if not any(row[len(names) :]) else row
    id_column = reading.id_column or "id"
    item_id = row[names.index(id_column)] if id_column in names and len(row) > names.index(id_column) else None
    if rows.trouble:
        return rejected(rows.name, rows.trouble, rows.text, item_id)
    if repeats(names, fields):
        return rejected(rows.name, "the header again, and no item: were files joined?", rows.text)
    if len(fields) != len(names):
        found = f"{len(fields)} field{'' if len(fields) == 1 else 's'} where the header has {len(names)}"
        comma = "a comma" if header.delimiter == "," else quoted(header.delimiter)
        hint = f": a text with {comma} goes in quotes" if len(fields) > len(names) else ""
        return rejected(rows.name, f"{found} ({', '.join(names)[:80]}){hint}", rows.text, item_id)
    return item_of_line(dict(zip(names, fields, strict=True)), rows.name, rows.text, reading)
