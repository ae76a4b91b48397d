"""How an input file is to be read, where its name and its first line do not tell."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from handlers.core.json_text import JsonObject
from handlers.core.quoting import quoted

# What a request without a version means, too. A change that reads the same file into other items is another version.
VERSION = 1
FORMATS = ("csv", "jsonl", "json", "inventory")
MAX_NAME = 256
# The header is kept in the batch's record, each write of which costs by its size.
MAX_HEADER = 4000
# Names for what is hard to type, and the character itself.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "space": " "}
# Python's names of encodings of text in which a line feed is a line feed; others transform bytes, or are no files'.
ENCODING = re.compile(
    r"utf-(8|8-sig|16|32)(-[lb]e)?|ascii|iso8859-\d+|cp\d+|mac-\w+|koi8-\w+|tis-620"
    r"|shift_jis\w*|euc_\w+|iso2022_jp\w*|gb\w+|big5\w*|johab|ptcp154|kz1048|hp-roman8"
)


@dataclass(frozen=True)
class Reading:
    """What a user says of a file. What is None is told by the file's name and its first line.

    `header`: the names of the columns of a CSV file that does not begin with them. `id_column`: the column or field
    whose value is an item's id; with `line_ids` it is the number of its line, or of its element in a JSON array.
    """

    format: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] | None = None
    id_column: str | None = None
    line_ids: bool = False
    encoding: str | None = None

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Check its form in a request. Raises ValueError, which names the field."""
        if not isinstance(value, dict):
            raise ValueError(f"reading: {value!r:.100} must be a JSON object")
        given = {name: field for name, field in value.items() if field is not None}
        version = given.pop("version", VERSION)
        if version is True or version != VERSION:
            raise ValueError(f"reading.version: {version!r:.100} must be {VERSION}, or left out")
        if unknown := sorted(given.keys() - CHECKS.keys()):
            raise ValueError(f"reading: unknown field {unknown[0]!r:.100}; it may have {', '.join(sorted(CHECKS))}")
        found = cls(**{CHECKS[name][0]: CHECKS[name][1](f"reading.{name}", field) for name, field in given.items()})
        if found.id_column and found.line_ids:
            raise ValueError("reading: idColumn and lineIds exclude each other")
        if found.format == "inventory" and found != cls(format="inventory"):
            raise ValueError("reading: of an inventory nothing else is said, and its objects' keys are the ids")
        return found

    def to_json(self) -> JsonObject:
        """Its form in a request; empty if nothing is said."""
        values = {name: getattr(self, field) for name, (field, _) in CHECKS.items()}
        said = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}
        return {"version": VERSION, **said} if said else {}


def a_text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        raise ValueError(f"{name}: {value!r:.100} must be a text of 1 to {MAX_NAME} characters")
    return value


def a_format(name: str, value: Any) -> str:
    if value not in FORMATS:
        raise ValueError(f"{name}: {value!r:.100} must be {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    return str(value)


def a_delimiter(name: str, value: Any) -> str:
    text = DELIMITERS.get(value, value) if isinstance(value, str) else ""
    if len(text) != 1 or not text.isascii() or text.isalnum() or text in '"\r\n\x00':
        raise ValueError(
            f"{name}: {value!r:.100} must be one character, such as ; or |, or one of the names tab, space, comma, "
            "semicolon, pipe"
        )
    return text


def a_header(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{name}: {value!r:.100} must be a list of names")
    names = tuple(a_text(name, column) for column in value)
    if (length := sum(map(len, names))) > MAX_HEADER:
        raise ValueError(f"{name}: it has {length:,} characters, more than {MAX_HEADER:,}: put it into the file")
    if twice := next((column for at, column in enumerate(names) if column in names[:at]), None):
        raise ValueError(f"{name}: names the column {quoted(twice)} twice")
    return names


def a_truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r:.100} must be true or false")
    return value


def an_encoding(name: str, value: Any) -> str:
    try:
        encoding = codecs.lookup(value).name if isinstance(value, str) and value.isascii() else ""
    except (LookupError, ValueError):
        encoding = ""
    if not ENCODING.fullmatch(encoding):
        raise ValueError(f"{name}: {value!r:.100} must name an encoding of text, such as utf-16, cp1252 or shift_jis")
    return encoding


# Name in a request -> field, and its check.
CHECKS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "format": ("format", a_format),
    "delimiter": ("delimiter", a_delimiter),
    "header": ("header", a_header),
    "idColumn": ("id_column", a_text),
    "lineIds": ("line_ids", a_truth),
    "encoding": ("encoding", an_encoding),
}
AS_IT_IS = Reading()
