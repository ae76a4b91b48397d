"""Checks a file's name and its first bytes, before it is uploaded and before it is cut into chunks."""

import codecs
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain

from handlers.core.files.encodings import as_utf_8
from handlers.core.files.formats import csv_header
from handlers.core.files.inventory import manifest_of
from handlers.core.files.json_array import elements
from handlers.core.files.lines import Lines
from handlers.core.files.names import reading_of
from handlers.core.files.signatures import GZIP, refuse_other_kinds
from handlers.core.files.unreadable import Unreadable
from handlers.core.items import MAX_ITEM_BYTES, NAMED_FIELDS
from handlers.core.json_text import Item
from handlers.core.quoting import quoted
from handlers.core.reading import AS_IT_IS, Reading

# A header is at most as long as an item, and gzip seldom makes more of it.
HEAD_BYTES = MAX_ITEM_BYTES + 4096
ONE_A_LINE = "expected one JSON object a line"


def refuse_other_endings(name: str, reading: Reading = AS_IT_IS) -> None:
    """Raise Unreadable for a file or an object of which neither name nor `reading` tells the format."""
    reading_of(name, reading)


def is_gzipped(name: str) -> bool:
    return name.lower().endswith(".gz")


def is_csv(name: str, reading: Reading = AS_IT_IS) -> bool:
    """Whether the name, or `reading`, says CSV."""
    try:
        return reading_of(name, reading).format == "csv"
    except Unreadable:
        return False


def look(name: str, head: bytes, reading: Reading = AS_IT_IS, gzipped: bool | None = None) -> bool:
    """Whether a file seems to hold items, by its first HEAD_BYTES. Raises Unreadable if they do not fit its name.

    `reading` is what is said of the file; without `gzipped` its name tells whether it is.
    """
    reading = reading_of(name, reading)
    gzipped = is_gzipped(name) if gzipped is None else gzipped
    if gzipped and not head.startswith(GZIP):
        refuse_other_kinds(head)
        found = f"found {quoted(head[:20].decode('utf-8', 'backslashreplace'))}" if head else "it is empty, 0 bytes"
        raise Unreadable(f"{found}, expected gzip", "if it is not compressed, take .gz off its name")
    if not gzipped and head.startswith(GZIP):
        raise Unreadable("found gzip, expected lines of text", "end its name in .gz")
    text = beginning_of_gzip(head) if gzipped else head
    if gzipped and text.startswith(GZIP):
        raise Unreadable("found gzip within gzip, expected lines of text", "unpack it once")
    text = as_utf_8(text, reading.encoding)
    refuse_other_kinds(text)
    if reading.format == "inventory":
        # One that is longer is looked at when it is read.
        return len(head) >= HEAD_BYTES or bool(manifest_of(text).files)
    lines = Lines(io.BufferedReader(io.BytesIO(text)))
    if reading.format == "csv":
        csv_header(lines, reading)
        first = next_line(lines)
    elif reading.format == "json" and text.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        first = look_at_array(text[text.index(b"[") + 1 :], reading)
    else:
        first = next_line(lines)
        look_at_json(first, lines)
        look_for_ids(objects_of(chain([first], iter(lambda: next_line(lines), ""))), reading)
    return bool(first) or len(head) >= HEAD_BYTES


def beginning_of_gzip(head: bytes) -> bytes:
    """The content at the beginning of a gzip file. Raises Unreadable if that is damaged already."""
    text = b""
    while head.startswith(GZIP) and len(text) < HEAD_BYTES:
        member = zlib.decompressobj(wbits=31)
        try:
            text += member.decompress(head, HEAD_BYTES)
        except zlib.error:
            raise Unreadable("found damaged gzip", "pack it again, or send it anew") from None
        head = member.unused_data
    return text


def next_line(lines: Lines) -> str:
    """The next line that is not blank, without spaces around it; empty at the end."""
    while (line := lines.read()) is not None and not line.strip():
        lines.pass_over_blank_lines()
    return (line or b"").decode("utf-8", "replace").strip()


def look_at_json(first: str, lines: Lines) -> None:
    """Raise Unreadable if the first line and the one after it show that there is not one object a line."""
    number, whole = lines.number, json_end(first) == len(first)
    if not first or lines.cut or (whole and first.startswith("{")):
        return
    if "\r" in first:
        hint = "convert its line ends"
        raise Unreadable("lines end in a carriage return alone, expected a line feed", hint, f"line {number}")
    found, following = quoted(first, 20), next_line(lines)
    if first.startswith("{"):
        if first == "{" or ends_later(first, following, lines):
            hint = "write each object on one line, for instance with `jq -c .`"
            raise Unreadable(f"found an object over several lines, {found}, {ONE_A_LINE}", hint, f"line {number}")
    elif first.startswith("["):
        if not (whole and following.startswith("{")):
            hint = "name it .json, or add --format json"
            raise Unreadable(f"found a JSON array, {found}, {ONE_A_LINE}", hint, f"line {number}")
    elif not following.startswith("{"):
        hint = "if it is CSV, name it .csv" if set(first) & set(",;\t|") else "give each item as an object with an id"
        raise Unreadable(f"found {found}, {ONE_A_LINE}", hint, f"line {number}")


def look_at_array(text: bytes, reading: Reading) -> str:
    """The beginning of the first element; empty if there is none. Raises Unreadable if the elements are no items."""
    stream = io.BytesIO(text)
    found: list[str] = []
    # The last one may be cut.
    with suppress(Unreadable):
        found.extend(element.text.decode("utf-8", "replace") for element in elements(stream))
    if found and not any(map(json_object, found)):
        hint = "give each item as an object with an id"
        raise Unreadable(f"found an array of {quoted(found[0], 20)}, expected JSON objects", hint)
    look_for_ids(objects_of(found), reading)
    return text.decode("utf-8", "replace").strip().removeprefix("]").strip()


def json_object(text: str) -> Item | None:
    """The object that is all of a text; None if it is none."""
    value = json.loads(text) if text.startswith("{") and json_end(text) == len(text) else None
    return value if isinstance(value, dict) else None


def objects_of(texts: Iterable[str]) -> Iterator[Item]:
    """The texts that are objects."""
    return (value for text in texts if (value := json_object(text)) is not None)


def look_for_ids(objects: Iterator[Item], reading: Reading) -> None:
    """Raise Unreadable if there are objects, and none of them has the field that is to be its id."""
    field = reading.id_column or "id"
    first = None if reading.line_ids else next(objects, None)
    if first is not None and field not in first and not any(field in item for item in objects):
        names = ", ".join(quoted(name, 30) for name in list(first)[:NAMED_FIELDS]) or "no field"
        found = f"no object at the beginning of the file has the field {quoted(field)}: the first has {names}"
        raise Unreadable(found, "name the field that tells the items apart with --id-column, or add --line-ids")


def ends_later(first: str, following: str, lines: Lines) -> bool:
    """Whether an object that begins on the first line ends on a later one."""
    text = [first, following]
    while (line := lines.read()) is not None and not lines.cut:
        text.append(line.decode("utf-8", "replace"))
    return json_end("\n".join(text)) > len(first)


def json_end(text: str) -> int:
    """The length of the JSON value at the beginning of a text; 0 if there is none."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0
