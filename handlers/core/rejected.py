"""What stands for a line that is no item: never processed, it ends recorded as failed, in under a kilobyte. Pure."""

from typing import Any

from handlers.core.json_text import dumps, utf8_bytes
from handlers.core.quoting import shown

ERROR_KEY = "$error"
AT_KEY = "$at"
TEXT_KEY = "$text"
ID_KEY = "$id"
# As JSON; together with keys and the error, which says the reason again, they fit one write unit of DynamoDB.
REASON_BYTES, TEXT_BYTES, ID_BYTES = 200, 140, 60


class ItemOfLine(dict):
    """An item as it was read from a line, of which it knows the name (`line-7`, `byte-512`) and the text."""

    def __init__(self, item: dict, name: str, text: bytes):
        super().__init__(item)
        self.name = name
        self.text = text


def rejected(name: str, reason: str, text: bytes = b"", item_id: str | None = None) -> dict:
    """Stands for the line called `name`, which has its id by its place; `item_id` is the one that it names itself."""
    own = {ID_KEY: cut(item_id, ID_BYTES)} if item_id else {}
    return {"id": name, ERROR_KEY: reason_text(reason), **stood(name, text), **own}


def rejected_item(item: dict, item_id: str, reason: str) -> dict:
    """Stands for an item that has an id and cannot travel; where it was read from a line, it says which."""
    place = stood(item.name, item.text) if isinstance(item, ItemOfLine) else {}
    return {"id": item_id, ERROR_KEY: reason_text(reason), **place}


def invalid_reason(item: dict) -> str | None:
    """Why it stands for what is no item; None where it is one."""
    return f"InvalidItem: {item[ERROR_KEY]}" if ERROR_KEY in item else None


def reason_text(reason: str) -> str:
    """A reason of a length and in characters that every service takes."""
    return cut(shown(reason), REASON_BYTES)


def stood(name: str, text: bytes) -> dict[str, Any]:
    """Where a line stands, `{"line": 7}` or `{"byte": 512}`, and how it begins."""
    unit, _, number = name.partition("-")
    said = text[: 4 * TEXT_BYTES].decode("utf-8", "backslashreplace").strip()
    return {AT_KEY: {unit: int(number)}} | ({TEXT_KEY: cut(said, TEXT_BYTES)} if said else {})


def cut(text: str, most: int) -> str:
    """As much of `text` as takes at most `most` bytes in JSON."""
    text = text[: most + 1]
    if utf8_bytes(dumps(text)) - 2 <= most:
        return text
    room, kept = most - utf8_bytes("…"), ""
    if room < 0:
        return ""
    for each in text:
        room -= utf8_bytes(dumps(each)) - 2
        if room < 0:
            break
        kept += each
    return f"{kept}…"
