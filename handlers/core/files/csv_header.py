"""The header of a CSV file: its columns and what separates them, or what is wrong with them."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from handlers.core.files.unreadable import Unreadable
from handlers.core.quoting import quoted, shown
from handlers.core.reading import Reading

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# Not taken for a delimiter unless it is named: names of columns have these, too.
OTHERS = {":": "colons", " ": "spaces"}
OPTIONS = {"\t": "tab", " ": "space"}
NAMED_COLUMNS = 8


@dataclass(frozen=True)
class Header:
    """The columns' names, and the character between two fields."""

    names: list[str]
    delimiter: str = ","


def checked_header(text: str, line: int, reading: Reading) -> Header:
    """The header that stands on a line, without empty names at the end. `reading` may say what separates them.

    Raises Unreadable if that is unclear, a name is repeated, or none is the id's.
    """
    where = f"line {line}"
    rows = {delimiter: row for delimiter in (reading.delimiter or DELIMITERS) if (row := split(text, delimiter))}
    delimiter = reading.delimiter or the_only(rows, reading, text, where)
    header = rows.get(delimiter, [])
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        columns = " and ".join(str(number) for number, name in enumerate(header, 1) if name == twice[0])
        found = f"the header names a column twice: {quoted(twice[0])} is column {columns}; each name must stand once"
        raise Unreadable(found, "rename or remove one of them", where)
    if not reading.line_ids and (reading.id_column or "id") not in header:
        found, hint = no_id(header, delimiter, reading)
        raise Unreadable(f"the header must name a column {shown(reading.id_column or 'id')}: {found}", hint, where)
    return Header(header, delimiter)


def header_given(names: tuple[str, ...], reading: Reading) -> Header:
    """The header of a file that does not begin with one. Raises Unreadable if none of its names is the id's."""
    if not reading.line_ids and (wanted := reading.id_column or "id") not in names:
        found = f"the header that was given must name a column {shown(wanted)}: found {', '.join(map(quoted, names))}"
        raise Unreadable(found, "name the column that tells the items apart with --id-column, or add --line-ids")
    return Header(list(names), reading.delimiter or ",")


def split(text: str, delimiter: str) -> list[str]:
    """The names in a header, without empty ones at the end; none if it cannot be split so."""
    try:
        row = next(csv.reader([text], strict=True, delimiter=delimiter))
    except (csv.Error, StopIteration):
        return []
    return row[: max((number for number, name in enumerate(row, 1) if name), default=0)]


def can_be_split(text: str, reading: Reading) -> bool:
    """Whether a row that is none of its delimiter, or of commas, is one of another delimiter that is looked for."""
    return not reading.delimiter and any(split(text, delimiter) for delimiter in DELIMITERS)


def the_only(rows: Mapping[str, list[str]], reading: Reading, text: str, where: str) -> str:
    """The only delimiter with which a column is the id's, or which the header has at all; a comma if there is none.

    Raises Unreadable if it could be several.
    """
    several = [delimiter for delimiter, row in rows.items() if len(row) > 1]
    fits = [delimiter for delimiter, row in rows.items() if (reading.id_column or "id") in row]
    if reading.line_ids:
        fits = several
    elif "," in fits:
        return ","
    if not fits:
        fits = several if len(several) == 1 else [","]
    if len(fits) > 1:
        found = f"its fields could be separated by {' or '.join(DELIMITERS[each] for each in fits)}: {quoted(text)}"
        raise Unreadable(found, f"say which with --delimiter, such as --delimiter {option_of(fits[-1])}", where)
    return fits[0]


def option_of(delimiter: str) -> str:
    """How a delimiter is given on the command line."""
    return OPTIONS.get(delimiter, f"'{delimiter}'")


def repeats(header: list[str], row: list[str]) -> bool:
    """Whether a row repeats the header, as in joined files."""
    return row[1:] == header[1:] and row[0].removeprefix("\ufeff") == header[0]


def no_id(header: list[str], delimiter: str, reading: Reading) -> tuple[str, str]:
    """What the header has instead of the column with the id, and what to do."""
    names = ", ".join(quoted(name, 30) for name in header[:NAMED_COLUMNS])
    found = f"found {names}{', …' if len(header) > NAMED_COLUMNS else ''}"
    first = header[0] if header else ""
    if first.lstrip("\ufeff").startswith(("{", "[")):
        return f"{found}, which looks like JSON", "if it has a JSON object a line, name it .jsonl"
    if first.lower().startswith("sep="):
        return f"{found}, a line that only Excel knows", "remove it, and name what separates fields with --delimiter"
    wanted = (reading.id_column or "id").lower()
    for name in header:
        if name.strip().strip("\ufeff'\"").lower() == wanted:
            return found, f"rename the column {quoted(name)} to {wanted}, or give this name with --id-column"
    for other, word in (DELIMITERS | OTHERS).items():
        columns = [column.strip().strip('"').lower() for column in delimiter.join(header).split(other)]
        if other != delimiter and (
            wanted in columns or (len(header) == 1 and len(columns) > 1 and other not in OTHERS)
        ):
            return f"{found}: the fields are separated by {word}", f"add --delimiter {option_of(other)}"
    if looks_like_data(header):
        hint = "name its columns with --header, and take their numbers as ids with --line-ids if none is an id"
        return f"{found}: is it the first row already?", hint
    return found, "name the column that tells the items apart with --id-column, or add --line-ids"


def looks_like_data(header: list[str]) -> bool:
    """Whether the header seems to be a row of values."""
    return any(not name or name[0].isdigit() or "/" in name or "@" in name for name in map(shown, header))
