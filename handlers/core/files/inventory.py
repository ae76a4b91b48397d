"""The manifest of an S3 Inventory: the files in which it lists objects, and the items that their rows are."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from handlers.core.files.unreadable import Unreadable
from handlers.core.items import object_id
from handlers.core.json_text import Item
from handlers.core.quoting import quoted
from handlers.core.reading import Reading
from handlers.core.rejected import ERROR_KEY

# Of a hundred million objects there are some hundred files, and each takes some 200 bytes here.
MAX_MANIFEST_BYTES = 2 * 1024 * 1024
NONE = "if it is an array of items, add --format json"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
FIELDS = ("fileFormat", "fileSchema", "files")


@dataclass(frozen=True)
class Manifest:
    """`files`: key and size of each gzipped CSV file. `reading`: how they are read."""

    files: list[tuple[str, int]]
    reading: Reading


def manifest_of(text: bytes) -> Manifest:
    """The manifest in a text of JSON. Raises Unreadable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("it is no JSON, expected the manifest of an S3 Inventory", NONE) from None
    missing = [name for name in FIELDS if not isinstance(found, dict) or name not in found]
    if missing:
        raise Unreadable(f"it has no {missing[0]}, which the manifest of an S3 Inventory has", NONE)
    if found["fileFormat"] != "CSV":
        kind = quoted(str(found["fileFormat"]))
        raise Unreadable(f"its fileFormat is {kind}, expected 'CSV'", "configure the inventory with the format CSV")
    names = [name.strip() for name in str(found["fileSchema"]).split(",")]
    if "Key" not in names:
        raise Unreadable(f"its fileSchema names no Key: {quoted(str(found['fileSchema']))}")
    header = tuple(re.sub("^[A-Z]", lambda first: first[0].lower(), name) for name in names)
    return Manifest(list(files_in(found["files"])), Reading("csv", ",", header, line_ids=True))


def files_in(files: Any) -> Iterator[tuple[str, int]]:
    """Key and size of the files in a manifest. Raises Unreadable."""
    for number, file in enumerate(files if isinstance(files, list) else [files], 1):
        key, size = (file.get("key"), file.get("size")) if isinstance(file, dict) else (None, None)
        if not isinstance(key, str) or type(size) is not int or size < 0:
            raise Unreadable(f"its file {number} has no key and size: {quoted(json.dumps(file))}")
        yield key, size


def listed_object(row: Item) -> Item:
    """The item of a row, whose id is the object's key. A rejection stays one.

    Keys are URL-encoded: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
    """
    if ERROR_KEY in row:
        return row
    key = unquote_plus(row["key"])
    row |= {"id": object_id(key), "key": key}
    return row
