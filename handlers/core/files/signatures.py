"""Recognises a file that is not UTF-8 text by its first bytes."""

import codecs
import re

from handlers.core.files.unreadable import Unreadable

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
AS_TEXT = "save it as CSV or as JSON Lines, and send that"
CONVERT = "make JSON Lines of it with `rollcall convert`"
UNPACK = "unpack it, or pack what is in it with gzip, and send that"
# First bytes, the kind of file, and what to do. A column of CSV may begin like this, too: then it is no binary file.
BINARY = (
    (ZIP, "a zip archive", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", UNPACK),
    (b"BZh", "bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstandard", UNPACK),
    (b"\x04\x22\x4d\x18", "lz4", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!", "a rar archive", UNPACK),
    (b"\xff\x06\x00\x00sNaPpY", "snappy", UNPACK),
    (b"PAR1", "Parquet", CONVERT),
    (b"ORC", "ORC", AS_TEXT),
    (b"Obj\x01", "Avro", AS_TEXT),
    (b"ARROW1", "Arrow", AS_TEXT),
    (b"FEA1", "Feather", AS_TEXT),
    (b"SQLite format 3\x00", "an SQLite database", AS_TEXT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.xls, .doc)", AS_TEXT),
    (b"\x80\x04\x95", "a pickle of Python", AS_TEXT),
    (b"\x89HDF", "HDF5", AS_TEXT),
    (b"\x89PNG", "a PNG image", AS_TEXT),
    (b"GIF8", "a GIF image", AS_TEXT),
    (b"\xff\xd8\xff", "a JPEG image", AS_TEXT),
    (b"\x7fELF", "a program", AS_TEXT),
)
TEXTUAL = (
    (b"%PDF-", "a PDF", AS_TEXT),
    (b"{\\rtf", "a rich text document", AS_TEXT),
    (b"<?xml", "XML", AS_TEXT),
    (b"<!DOCTYPE", "a web page", "see whether the download was refused or asks for a login"),
    (b"<!doctype", "a web page", "see whether the download was refused or asks for a login"),
    (b"<html", "a web page", "see whether the download was refused or asks for a login"),
)
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# A name in a zip archive that tells the kind of the file, and what to do.
ZIPPED = (
    (b"xl/", "an Excel workbook (.xlsx)", CONVERT),
    (b"word/", "a Word document", AS_TEXT),
    (b"opendocument", "an OpenDocument file", AS_TEXT),
)
TAR_AT, TAR = 257, b"ustar"
INSPECTED_BYTES = 1024


def refuse_other_kinds(head: bytes) -> None:
    """Raise Unreadable if a file with this beginning is not UTF-8 text."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
    for beginning, kind, hint in (*TEXTUAL, *(BINARY if CONTROLS.search(head) else ())):
        if text.startswith(beginning):
            zipped = [(name, todo) for part, name, todo in ZIPPED if part in head] if beginning == ZIP else []
            name, todo = next(iter(zipped), (kind, hint))
            raise Unreadable(f"found {name}, expected lines of text", todo)
    if head[TAR_AT:].startswith(TAR):
        raise Unreadable("found a tar archive, expected lines of text", UNPACK)
    if encoding := unmarked_encoding(head):
        hint = f"save it as UTF-8, or add --encoding {encoding}"
        raise Unreadable(f"found {encoding.upper()} without a byte order mark, expected UTF-8", hint)


def unmarked_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32, recognised by the zeros in most of its characters."""
    begin = head[:INSPECTED_BYTES]
    zeros = [begin[at::4].count(0) > len(begin) // 8 for at in range(4)]
    if len(begin) >= 8 and ((zeros[0] and zeros[1]) or (zeros[2] and zeros[3])):
        return "utf-32-le" if zeros[3] else "utf-32-be"
    pairs = len(begin) // 2
    odd, even = begin[1::2].count(0), begin[::2].count(0)
    return None if pairs < 2 or max(odd, even) <= pairs // 2 else "utf-16-le" if odd >= even else "utf-16-be"
