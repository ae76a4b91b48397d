"""Items on their way to the processor: the batcher checks and serialises them once and groups them into chunks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from handlers.core.json_text import Item, NoJson, dumps, sealed, utf8_bytes
from handlers.core.quoting import quoted
from handlers.core.reading import AS_IT_IS, Reading
from handlers.core.rejected import ERROR_KEY, ItemOfLine, is_kept, number_in, reason_text, rejected, rejected_item

MAX_ITEM_BYTES = 256 * 1024
MAX_ID_LENGTH = 256
# Far below the limit of JSON parsers, so that every function can read the items that another one has written.
MAX_DEPTH = 100
NO_ID = f"its {{}} must be a text of 1 to {MAX_ID_LENGTH} characters, or a whole number"
# The error of an item without an id names this many of the item's fields.
NAMED_FIELDS = 5


@dataclass(frozen=True)
class Chunk:
    """`items` are JSON texts. `first_item` is the index of the chunk's first item in the batch."""

    seq: int
    first_item: int
    items: list[str]


def item_of_line(item: Item, name: str, text: bytes, reading: Reading = AS_IT_IS) -> Item:
    """The item of the line called `name`, with the id that `reading` gives it.

    Its rejection if it has no usable id, has another one of its own, or uses a name of Rollcall's.
    """
    if ERROR_KEY in item:
        return rejected(name, f"the field {ERROR_KEY} is Rollcall's own", text, usable_id(item))
    field = "id"
    if reading.line_ids or reading.id_column:
        field = reading.id_column or "line"
        found = item.get(field) if reading.id_column else number_in(name)
        if "id" in item and item["id"] != found:
            own = f"it has another id, and its {field} is to be its id: take the field out, or rename it"
            return rejected(name, own, text, usable_id(item))
        item = {"id": found, **item} if found is not None else {name: item[name] for name in item if name != "id"}
    return ItemOfLine(item, name, text) if usable_id(item) else rejected(name, no_id(item, field), text)


def no_id(item: Item, field: str = "id") -> str:
    """Why an item's id, which its `field` is, cannot be used, and what an id must be."""
    rule = NO_ID.format(field)
    if "id" not in item:
        names = [quoted(name, 20) for name in item if isinstance(name, str)]
        more = ", …" if len(names) > NAMED_FIELDS else ""
        return f"{rule}; it has {', '.join(names[:NAMED_FIELDS]) + more if names else 'no field'}"
    found = item["id"]
    if isinstance(found, str) and found:
        return f"{rule}; found {len(found):,} characters, {quoted(found, 10)}"
    try:
        return f"{rule}; found {quoted(dumps(found), 30)}"
    except NoJson as error:
        return f"{rule}; {error}"


def object_id(key: str) -> str:
    """The id of an object that is an item: its key; of a key that is too long, its beginning and a digest of it."""
    if len(key) <= MAX_ID_LENGTH:
        return key
    digest = blake2b(key.encode(), digest_size=12).hexdigest()
    return f"{key[: MAX_ID_LENGTH - len(digest) - 1]}~{digest}"


def usable_id(item: Item) -> str | None:
    """The item's id as text; None if it has no usable id."""
    item_id = item.get("id")
    if isinstance(item_id, int) and not isinstance(item_id, bool):
        item_id = str(item_id)
    return item_id if isinstance(item_id, str) and 0 < len(item_id) <= MAX_ID_LENGTH else None


def checked(item: Item, index: int, max_bytes: int = MAX_ITEM_BYTES, seal: bool = False) -> str:
    """The item's JSON text, or that of its rejection if the item is invalid. `seal`: see `sealed`."""
    if is_kept(item):
        # It was checked before it failed, and may be larger by its error: a message and a state have room for that.
        return sealed(dumps(item)) if seal else dumps(item)
    item_id = usable_id(item)
    if not item_id:
        return dumps(rejected(f"item-{index}", no_id(item)))
    own = {ERROR_KEY: reason_text(str(item[ERROR_KEY]))} if ERROR_KEY in item else {}
    try:
        text = dumps({**item, "id": item_id, **own})
    except NoJson as error:
        return dumps(rejected_item(item, item_id, f"JSON cannot say it: {error}"))
    text = sealed(text) if seal else text
    if (size := utf8_bytes(text)) > max_bytes:
        return dumps(rejected_item(item, item_id, f"larger than {max_bytes:,} bytes: its JSON has {size:,}"))
    if text.count("[") + text.count("{") > MAX_DEPTH and is_deep(item):
        return dumps(rejected_item(item, item_id, f"nested more than {MAX_DEPTH} deep"))
    return text


def is_deep(item: Item) -> bool:
    """Whether lists and objects are nested more than MAX_DEPTH deep."""
    level: list[Any] = [item]
    for _ in range(MAX_DEPTH):
        children = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in children if isinstance(child, dict | list | tuple)]
    return bool(level)


def chunks(
    items: Iterable[Item],
    items_per_chunk: int,
    max_bytes: int,
    first_seq: int = 0,
    first_item: int = 0,
    seal: bool = False,
) -> Iterator[Chunk]:
    """Group `items` into chunks of `items_per_chunk`, or fewer if the JSON of a chunk would exceed `max_bytes`.

    The numbering goes on from `first_seq` and `first_item`, so that a batcher can resume a batch in the middle.
    """
    seq, start, size = first_seq, first_item, 0
    texts: list[str] = []
    for index, item in enumerate(items, start=first_item):
        text = checked(item, index, min(MAX_ITEM_BYTES, max_bytes), seal)
        length = utf8_bytes(text) + 1
        if texts and (len(texts) == items_per_chunk or size + length > max_bytes):
            yield Chunk(seq, start, texts)
            seq, start, texts, size = seq + 1, index, [], 0
        texts.append(text)
        size += length
    if texts:
        yield Chunk(seq, start, texts)
