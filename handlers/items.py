"""Items as they travel: checked and serialised once by the batcher, grouped into chunks. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_ITEM_BYTES = 256 * 1024
MAX_ID_LENGTH = 256
# Far below what JSON parsers take, so that no function fails to read what another has written.
MAX_DEPTH = 100
ERROR_KEY = "$error"
NO_ID = f"its id must be a text of 1 to {MAX_ID_LENGTH} characters, or a whole number"


@dataclass(frozen=True)
class Chunk:
    """`items` are JSON texts. `first_item` is the index in the batch of its first item."""

    seq: int
    first_item: int
    items: list[str]


def invalid_item(item_id: str, reason: str) -> dict:
    """Stands for an input that is no item: it is never processed and ends recorded as failed with `reason`."""
    return {"id": item_id, ERROR_KEY: reason}


def invalid_reason(item: dict) -> str | None:
    """Why it stands for an input that is no item; None where it is one."""
    return f"InvalidItem: {item[ERROR_KEY]}" if ERROR_KEY in item else None


def invalid_unless_named(item: dict, name: str) -> dict:
    """An item of an input, or the invalid item called `name` when it has no usable id or what no item may have."""
    if ERROR_KEY in item:
        return invalid_item(name, f"the field {ERROR_KEY} is Rollcall's own")
    return item if usable_id(item) else invalid_item(name, NO_ID)


def usable_id(item: dict) -> str | None:
    """The item's id as text; None if it has none that can be used."""
    item_id = item.get("id")
    if isinstance(item_id, int) and not isinstance(item_id, bool):
        item_id = str(item_id)
    return item_id if isinstance(item_id, str) and 0 < len(item_id) <= MAX_ID_LENGTH else None


def checked(item: dict, index: int, max_bytes: int = MAX_ITEM_BYTES) -> str:
    """The item's JSON text, or that of an invalid item that says what is wrong with it."""
    item_id = usable_id(item)
    if not item_id:
        return json.dumps(invalid_item(f"item-{index}", NO_ID))
    try:
        text = json.dumps({**item, "id": item_id}, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        return json.dumps(invalid_item(item_id, f"not to be said in JSON: {error}"))
    if len(text) > max_bytes:
        return json.dumps(invalid_item(item_id, f"larger than {max_bytes} bytes"))
    if text.count("[") + text.count("{") > MAX_DEPTH and is_deep(item):
        return json.dumps(invalid_item(item_id, f"nested more than {MAX_DEPTH} deep"))
    return text


def is_deep(item: dict) -> bool:
    """Whether lists and objects stand more than MAX_DEPTH deep in each other."""
    level: list[Any] = [item]
    for _ in range(MAX_DEPTH):
        children = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in children if isinstance(child, dict | list | tuple)]
    return bool(level)


def chunks(
    items: Iterable[dict], items_per_chunk: int, max_bytes: int, first_seq: int = 0, first_item: int = 0
) -> Iterator[Chunk]:
    """Group `items` into chunks of `items_per_chunk`, fewer where the JSON of a chunk would exceed `max_bytes`.

    The numbering goes on from `first_seq` and `first_item`, so that a batch can be resumed in the middle.
    """
    seq, start, size = first_seq, first_item, 0
    texts: list[str] = []
    for index, item in enumerate(items, start=first_item):
        text = checked(item, index, min(MAX_ITEM_BYTES, max_bytes))
        if texts and (len(texts) == items_per_chunk or size + len(text) + 1 > max_bytes):
            yield Chunk(seq, start, texts)
            seq, start, texts, size = seq + 1, index, [], 0
        texts.append(text)
        size += len(text) + 1
    if texts:
        yield Chunk(seq, start, texts)
