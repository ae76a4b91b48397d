"""Checks a file's name and its first bytes, before it is uploaded and before it is cut into chunks."""

import io
import json
import zlib

from handlers.core.files.formats import csv_header
from handlers.core.files.lines import Lines
from handlers.core.files.signatures import AS_TEXT, GZIP, UNPACK, refuse_other_kinds
from handlers.core.files.unreadable import Unreadable
from handlers.core.items import MAX_ITEM_BYTES
from handlers.core.quoting import quoted

ENDINGS = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz")
OTHER_ENDINGS = {
    (".ndjson", ".jsonlines", ".ldjson", ".json", ".jl"): "if it has a JSON object a line, name it .jsonl",
    (".tsv", ".tab", ".psv", ".txt", ".dat"): "if it is a table, separate its fields with commas and name it .csv",
    (".xlsx", ".xls", ".ods", ".parquet", ".avro", ".orc", ".xml", ".pdf"): AS_TEXT,
    (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"): UNPACK,
}
# A header is at most as long as an item, and gzip seldom makes more of it.
HEAD_BYTES = MAX_ITEM_BYTES + 4096
ONE_A_LINE = "expected one JSON object a line"


def refuse_other_endings(name: str) -> None:
    """Raise Unreadable for a file or an object whose name has none of the endings that can be read."""
    if name.lower().endswith(ENDINGS):
        return
    plain = name.lower().removesuffix(".gz")
    hint = next((hint for endings, hint in OTHER_ENDINGS.items() if plain.endswith(endings)), "")
    raise Unreadable(f"its name must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}", hint)


def is_gzipped(name: str) -> bool:
    return name.lower().endswith(".gz")


def is_csv(name: str) -> bool:
    """Whether the name says CSV, not JSON Lines."""
    return name.lower().removesuffix(".gz").endswith(".csv")


def look(name: str, head: bytes) -> bool:
    """Whether a file seems to hold items, by its first HEAD_BYTES. Raises Unreadable if its name does not fit them."""
    gzipped = is_gzipped(name)
    if gzipped and not head.startswith(GZIP):
        refuse_other_kinds(head)
        found = f"found {quoted(head[:20].decode('utf-8', 'backslashreplace'))}" if head else "it is empty, 0 bytes"
        raise Unreadable(f"{found}, expected gzip", "if it is not compressed, take .gz off its name")
    if not gzipped and head.startswith(GZIP):
        raise Unreadable("found gzip, expected lines of text", "end its name in .gz")
    text = beginning_of_gzip(head) if gzipped else head
    if gzipped and text.startswith(GZIP):
        raise Unreadable("found gzip within gzip, expected lines of text", "unpack it once")
    refuse_other_kinds(text)
    lines = Lines(io.BufferedReader(io.BytesIO(text)))
    if is_csv(name):
        csv_header(lines)
        first = next_line(lines)
    else:
        first = next_line(lines)
        look_at_json(first, lines)
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
            hint = "write each element on a line of its own, for instance with `jq -c '.[]'`"
            raise Unreadable(f"found a JSON array, {found}, {ONE_A_LINE}", hint, f"line {number}")
    elif not following.startswith("{"):
        hint = "if it is CSV, name it .csv" if set(first) & set(",;\t|") else "give each item as an object with an id"
        raise Unreadable(f"found {found}, {ONE_A_LINE}", hint, f"line {number}")


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
