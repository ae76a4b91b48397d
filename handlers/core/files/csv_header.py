"""The header of a CSV file: its columns, or what is wrong with them."""

from collections import Counter

from handlers.core.files.unreadable import Unreadable
from handlers.core.quoting import quoted, shown

DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ":": "colons", " ": "spaces"}
NAMED_COLUMNS = 8


def checked_header(row: list[str], line: int) -> list[str]:
    """The columns' names, without empty ones at the end. Raises Unreadable if a name is repeated or none is id."""
    header = row[: max((number for number, name in enumerate(row, 1) if name), default=0)]
    where = f"line {line}"
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        columns = " and ".join(str(number) for number, name in enumerate(header, 1) if name == twice[0])
        found = f"the header names a column twice: {quoted(twice[0])} is column {columns}; each name must stand once"
        raise Unreadable(found, "rename or remove one of them", where)
    if "id" not in header:
        found, hint = no_id(header)
        raise Unreadable(f"the header must name a column id: {found}", hint, where)
    return header


def repeats(header: list[str], row: list[str]) -> bool:
    """Whether a row repeats the header, as in joined files."""
    return row[1:] == header[1:] and row[0].removeprefix("\ufeff") == header[0]


def no_id(header: list[str]) -> tuple[str, str]:
    """What the header has instead of a column id, and what to do."""
    names = ", ".join(quoted(name, 30) for name in header[:NAMED_COLUMNS])
    found = f"found {names}{', …' if len(header) > NAMED_COLUMNS else ''}"
    first = header[0]
    if first.lstrip("\ufeff").startswith(("{", "[")):
        return f"{found}, which looks like JSON", "if it has a JSON object a line, name it .jsonl"
    if first.lower().startswith("sep="):
        return f"{found}, a line that only Excel knows", "remove it, and separate fields with commas"
    for name in header:
        if name.strip().strip("\ufeff'\"").lower() == "id":
            return found, f"rename the column {quoted(name)} to id, in small letters and without spaces"
    for delimiter, name in DELIMITERS.items():
        columns = [column.strip().strip('"').lower() for column in ",".join(header).split(delimiter)]
        if "id" in columns or (len(header) == 1 and len(columns) > 1 and delimiter != " "):
            return f"{found}: the fields are separated by {name}", "separate them with commas"
    if looks_like_data(header):
        return f"{found}: is it the first row already?", "put a line with the columns' names before it"
    return found, "rename the column that tells the items apart to id"


def looks_like_data(header: list[str]) -> bool:
    """Whether the header seems to be a row of values."""
    return any(not name or name[0].isdigit() or "/" in name or "@" in name for name in map(shown, header))
