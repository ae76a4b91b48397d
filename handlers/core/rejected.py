"""Rejections: a rejection takes the place of an invalid line or item, is never processed, and ends as a failed item.

So does what a redrive keeps: a failed item that it is not to run. It is recorded as failed again, as it was.
"""

from typing import Any

from handlers.core.json_text import Item, JsonObject, dumps, utf8_bytes
from handlers.core.quoting import shown

ERROR_KEY = "$error"
AT_KEY = "$at"
TEXT_KEY = "$text"
ID_KEY = "$id"
KEPT_KEY = "$kept"
# Sizes as JSON. With its keys and its error, which repeats the reason, a rejection fits one DynamoDB write unit.
REASON_BYTES, TEXT_BYTES, ID_BYTES = 200, 140, 60


class ItemOfLine(dict[str, Any]):
    """An item that was read from a line, with the line's name (`line-7`, `byte-512`, `file-3-line-7`) and text."""

    def __init__(self, item: Item, name: str, text: bytes):
        super().__init__(item)
        self.name = name
        self.text = text


def rejected(name: str, reason: str, text: bytes = b"", item_id: str | None = None) -> Item:
    """The rejection of the line called `name`, which becomes its id. `item_id` is the id that the line itself has."""
    own = {ID_KEY: cut(item_id, ID_BYTES)} if item_id else {}
    return {"id": name, ERROR_KEY: reason_text(reason), **place_of(name, text), **own}


def rejected_item(item: Item, item_id: str, reason: str) -> Item:
    """The rejection of an item that has an id. It says which line the item was read from, if it was."""
    place = place_of(item.name, item.text) if isinstance(item, ItemOfLine) else {}
    return {"id": item_id, ERROR_KEY: reason_text(reason), **place}


def invalid_reason(item: Item) -> str | None:
    """Why the item is not to be processed: its rejection, or the error with which it is kept; else None."""
    if is_kept(item):
        return str(item[ERROR_KEY])
    return f"InvalidItem: {item[ERROR_KEY]}" if ERROR_KEY in item else None


def kept(item: Item, error: str) -> Item:
    """What takes the place of a failed item that is to stay failed with this error."""
    return {"id": item["id"], ERROR_KEY: error, KEPT_KEY: item}


def is_kept(item: Item) -> bool:
    """Whether it takes the place of a failed item that is to stay failed."""
    return ERROR_KEY in item and isinstance(item.get(KEPT_KEY), dict)


def as_failed(item: Item, error: str) -> tuple[Item, str]:
    """The item and the error to be recorded, where the item has failed with `error` unless it has one of its own."""
    return item[KEPT_KEY] if is_kept(item) else item, invalid_reason(item) or error


def reason_text(reason: str) -> str:
    """A reason, cut and escaped so that every service accepts it."""
    return cut(shown(reason), REASON_BYTES)


def place_of(name: str, text: bytes) -> JsonObject:
    """Where a line is, `{"line": 7}` or `{"byte": 512}`, and its beginning."""
    words = name.split("-")
    beginning = text[: 4 * TEXT_BYTES].decode("utf-8", "backslashreplace").strip()
    at = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    return {AT_KEY: at} | ({TEXT_KEY: cut(beginning, TEXT_BYTES)} if beginning else {})


def number_in(name: str) -> str:
    """The number of the line called `name`, as an item's id; after that of its file, `3:7`, where there are several."""
    return ":".join(name.split("-")[1::2])


def cut(text: str, size: int) -> str:
    """The longest beginning of `text` that takes at most `size` bytes in JSON."""
    text = text[: size + 1]
    if utf8_bytes(dumps(text)) - 2 <= size:
        return text
    room, kept = size - utf8_bytes("…"), ""
    if room < 0:
        return ""
    for character in text:
        room -= utf8_bytes(dumps(character)) - 2
        if room < 0:
            break
        kept += character
    return f"{kept}…"
