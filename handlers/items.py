"""Items as they travel: checked and serialised once by the batcher, grouped into chunks. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_ITEM_BYTES = 256 * 1024
MAX_ID_LENGTH = 256
ERROR_KEY = "$error"


@dataclass(frozen=True)
class Chunk:
    """`items` are JSON texts. `first_item` is the index in the batch of its first item."""

    seq: int
    first_item: int
    items: list[str]


def invalid_item(item_id: str, reason: str) -> dict:
    """Stands for an input that is no item: it is never processed and ends recorded as failed with `reason`."""
    return {"id": item_id, ERROR_KEY: reason}


def checked(item: dict, index: int, max_bytes: int = MAX_ITEM_BYTES) -> str:
    """The item's JSON text, or that of an invalid item that says what is wrong with it."""
    item_id = item.get("id")
    if isinstance(item_id, int) and not isinstance(item_id, bool):
        item = {**item, "id": str(item_id)}
    elif not isinstance(item_id, str) or not 0 < len(item_id) <= MAX_ID_LENGTH:
        return json.dumps(invalid_item(f"item-{index}", f"its id must be a text of 1 to {MAX_ID_LENGTH} characters"))
    try:
        text = json.dumps(item, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        return json.dumps(invalid_item(str(item_id), str(error)))
    if len(text) > max_bytes:
        return json.dumps(invalid_item(str(item_id), f"larger than {max_bytes} bytes"))
    return text


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
