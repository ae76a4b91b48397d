"""What the name of a file says of how it is read."""

from dataclasses import replace

from handlers.core.files.signatures import AS_TEXT, CONVERT, UNPACK
from handlers.core.files.unreadable import Unreadable
from handlers.core.reading import AS_IT_IS, Reading

# Ending -> format, and for CSV the delimiter if the ending tells it.
ENDINGS = {
    ".jsonl": ("jsonl", None),
    ".ndjson": ("jsonl", None),
    ".jsonlines": ("jsonl", None),
    ".ldjson": ("jsonl", None),
    ".jl": ("jsonl", None),
    ".json": ("json", None),
    ".csv": ("csv", None),
    ".tsv": ("csv", "\t"),
    ".tab": ("csv", "\t"),
    ".psv": ("csv", "|"),
}
# What S3 calls the file that tells of an inventory.
INVENTORY = "manifest.json"
MAIN_ENDINGS = ".jsonl, .ndjson, .json, .csv or .tsv"
OTHER_ENDINGS = {
    (".txt", ".dat"): "say what it is with --format csv or --format jsonl",
    (".xlsx", ".parquet", ".ion"): CONVERT,
    (".xls", ".ods", ".avro", ".orc", ".xml", ".pdf"): AS_TEXT,
    (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz"): UNPACK,
}


def reading_of(name: str, reading: Reading = AS_IT_IS) -> Reading:
    """`reading`, with what the name of a file tells of it: its format is known. Raises Unreadable."""
    plain = name.lower().removesuffix(".gz")
    if plain.rpartition("/")[2] == INVENTORY and reading == AS_IT_IS:
        return Reading("inventory")
    known = next((told for ending, told in ENDINGS.items() if plain.endswith(ending)), None)
    if not known and not reading.format:
        hint = next((hint for endings, hint in OTHER_ENDINGS.items() if plain.endswith(endings)), "")
        raise Unreadable(f"its name must end in {MAIN_ENDINGS}, perhaps with .gz", hint or "or give its --format")
    format, delimiter = known or (None, None)
    found = replace(reading, format=reading.format or format)
    return replace(found, delimiter=delimiter) if found.format == "csv" and not found.delimiter else found
