"""Error messages for a line of JSON or CSV, or for its encoding."""

import csv
import json
from typing import Any

from handlers.core.quoting import quoted

# The beginning of the parser's message -> what the parser expected.
# https://github.com/python/cpython/blob/3.13/Lib/json/decoder.py and scanner.py
JSON_EXPECTED = {
    "Expecting property name": "a name in double quotes",
    "Expecting ':'": "a colon after the name",
    "Expecting ','": "a comma or the end",
    "Expecting value": "a value",
    "Extra data": "the end of the line: one object a line",
    "Invalid control character": "an escape for this character, such as \\t",
    "Unterminated string": "a closing double quote",
    "Invalid \\": 'an escape that JSON has: \\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX',
    "Illegal trailing comma": "no comma before the end",
    "Unexpected UTF-8 BOM": "no byte order mark: were files joined?",
}
AFTER_QUOTE = "more text after a closing quote: a quote within quotes is written twice"
LONE_RETURN = "a carriage return that stands alone: lines end in a line feed"
CSV_TROUBLE = {
    "unexpected end of data": "a quote that is not closed before the end of the file",
    "new-line character": LONE_RETURN,
    "'": AFTER_QUOTE,
}
NOT_UTF8 = "save the file as UTF-8, or give its encoding, such as --encoding cp1252"


class RepeatedName(Exception):
    """An object has the same name twice; the message is the name."""


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads: an object of these members. Raises RepeatedName."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedName(next(name for name in names if names.count(name) > 1))
    return found


def json_trouble(line: str, error: Exception) -> str:
    """Why a line is not JSON."""
    if isinstance(error, RepeatedName):
        return f"it names {quoted(str(error))} twice in one object: which value is meant?"
    if isinstance(error, RecursionError):
        return "not JSON: nested too deep"
    if not isinstance(error, json.JSONDecodeError):
        return "not JSON: a number of more than 4,300 digits"
    expected = next((text for begin, text in JSON_EXPECTED.items() if error.msg.startswith(begin)), "JSON")
    rest = line[error.pos :].strip("\r\n")
    found = quoted(rest, 20) if rest else "the end of the line"
    return f"not JSON: at character {error.pos + 1} found {found}, expected {expected}"


def csv_trouble(error: Exception, row: bytes) -> str | None:
    """Why a row is not CSV; None if it is only too long."""
    if not isinstance(error, csv.Error):
        return None
    trouble = next((text for begin, text in CSV_TROUBLE.items() if str(error).startswith(begin)), "no CSV")
    return trouble + (" (not with a backslash)" if b'\\"' in row and trouble == AFTER_QUOTE else "")


def not_utf8(line: bytes, error: UnicodeDecodeError) -> str:
    """Which byte is not UTF-8, the text before it, and the character that it is in Windows-1252."""
    before = line[max(0, error.start - 12) : error.start].decode("utf-8", "replace")
    byte = line[error.start : error.start + 1]
    character = byte.decode("cp1252", "replace")
    windows = f", {quoted(character)} in Windows-1252" if character.isprintable() and character != "\ufffd" else ""
    return f"not UTF-8: byte 0x{byte.hex().upper()} after {quoted(before)}{windows}"
