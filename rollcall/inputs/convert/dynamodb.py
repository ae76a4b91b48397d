"""A full export of a DynamoDB table to S3, as copied to this machine: all of it, or one part.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

import gzip
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from bootstrap.problem import Problem
from handlers.core.files.signatures import GZIP
from handlers.core.quoting import quoted
from rollcall.inputs.convert.ion import ion_items
from rollcall.inputs.convert.table import Row, Table

FILES, SUMMARY = "manifest-files.json", "manifest-summary.json"
COPY = "copy the whole export: `aws s3 cp --recursive s3://BUCKET/PREFIX/AWSDynamoDB/EXPORT_ID FOLDER`"
FULL = "export the table anew, as a full export"


def is_export(path: Path) -> bool:
    """Whether this is the folder of an export, or a manifest in it."""
    return path.name in (FILES, SUMMARY) or (path / FILES).is_file()


def export(path: Path) -> Table:
    """The items of a whole export. Raises Problem if a part is missing, damaged or has another number of items."""
    folder = path if path.is_dir() else path.parent
    parts = list(parts_of(folder))
    total = sum(count for _, count, _ in parts)
    return Table(f"an export of DynamoDB in {len(parts)} parts", items_of(parts), total=total)


def part(path: Path) -> Table:
    """The items of one part of an export."""
    return Table("a part of an export of DynamoDB", part_items(path))


def parts_of(folder: Path) -> Iterator[tuple[Path, int, str]]:
    """Yield each part with its number of items and its MD5. Raises Problem."""
    manifest = folder / FILES
    try:
        lines = manifest.read_text().splitlines()
        entries = [json.loads(line) for line in lines if line.strip()]
        listed = [
            (entry["dataFileS3Key"].rpartition("/")[2], entry["itemCount"], entry["md5Checksum"]) for entry in entries
        ]
    except FileNotFoundError:
        raise Problem(f"{manifest}: there is no such file, expected the list of the export's parts", COPY) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise Problem(f"{manifest}: it is damaged, expected a line of JSON for each part of an export", COPY) from None
    for key, count, checksum in listed:
        name = key.rpartition("/")[2]
        found = next((place for place in (folder / "data" / name, folder / name) if place.is_file()), None)
        if not found:
            raise Problem(f"{folder / 'data' / name}: there is no such file, and the manifest lists it", COPY)
        yield found, count, checksum


def items_of(parts: list[tuple[Path, int, str]]) -> Iterator[Row]:
    """Yield the items of all parts. Raises Problem."""
    for path, expected, checksum in parts:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        if digest != b64decode(checksum):
            raise Problem(f"{path}: its MD5 is {b64encode(digest).decode()}, expected {checksum}", "copy it anew")
        found = 0
        for item in part_items(path):
            found += 1
            yield item
        if found != expected:
            raise Problem(f"{path}: it has {found:,} items, expected {expected:,} by the manifest", "copy it anew")


def part_items(path: Path) -> Iterator[Row]:
    """Yield the items of a part in either format. Raises Problem."""
    try:
        with opened(path) as content:
            begin = content.read(64).lstrip()
            content.seek(0)
            yield from json_items(path, content) if begin.startswith(b'{"') or not begin else ion_items(path, content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Problem(f"{path}: the gzip is damaged or ends in the middle", "copy it anew") from None


def opened(path: Path) -> IO[bytes]:
    """The content of a part, expanded if it is gzipped."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == GZIP
    return gzip.open(path) if is_gzip else path.open("rb")  # type: ignore[return-value] # both read bytes


def json_items(path: Path, content: IO[bytes]) -> Iterator[Row]:
    """Yield the items of a part in DynamoDB's JSON. Raises Problem for a line that is none."""
    for number, line in enumerate(content, 1):
        try:
            entry = json.loads(line)
            if "Item" not in entry:
                raise Problem(
                    f"{path}, line {number}: found {quoted(line.decode())}, expected an Item"
                    + (": this is an incremental export, of changes" if "Keys" in entry else ""),
                    FULL,
                )
            item = {name: plain(value) for name, value in entry["Item"].items()}
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            found = quoted(line.decode("utf-8", "backslashreplace"))
            raise Problem(f"{path}, line {number}: found {found}, expected an Item in DynamoDB's JSON", COPY) from None
        yield item


def plain(value: dict[str, Any]) -> Any:
    """An attribute's value without its type. Binaries stay base64, and sets become lists. Raises ValueError."""
    ((kind, content),) = value.items()
    match kind:
        case "S" | "B" | "BOOL" | "SS" | "BS":
            return content
        case "N":
            return Decimal(content)
        case "NULL":
            return None
        case "NS":
            return [Decimal(number) for number in content]
        case "L":
            return [plain(element) for element in content]
        case "M":
            return {name: plain(member) for name, member in content.items()}
    raise ValueError(kind)
