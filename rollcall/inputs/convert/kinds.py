"""Recognizes what a file is that is to be converted, by its first bytes and not by its name."""

import zipfile
import zlib
from pathlib import Path
from shlex import quote

from bootstrap.problem import Problem
from handlers.core.files.look import refuse_other_endings
from handlers.core.files.signatures import GZIP, ZIP, refuse_other_kinds
from handlers.core.files.unreadable import Unreadable
from handlers.core.quoting import quoted
from rollcall.inputs.convert import dynamodb
from rollcall.inputs.convert.excel import excel
from rollcall.inputs.convert.parquet import parquet
from rollcall.inputs.convert.table import Table

PARQUET, ENCRYPTED_PARQUET = b"PAR1", b"PARE"
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# An encrypted workbook is a stream of this name: https://learn.microsoft.com/openspecs/office_file_formats/ms-offcrypto
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
ION_TEXT, ION_BINARY = b"$ion_1_", b"\xe0\x01\x00\xea"
HEAD_BYTES = 64 * 1024
EXPECTED = "expected Parquet, an Excel workbook (.xlsx) or an export of DynamoDB"


def table_of(path: Path, sheet: str | None = None, header_row: int | None = None) -> Table:
    """The table in a file. Raises Problem if there is none, or none of a kind that can be converted."""
    if dynamodb.is_export(path):
        return dynamodb.export(path)
    if path.is_dir():
        raise Problem(f"{path}: is a folder without {dynamodb.FILES}, {EXPECTED}", "convert its files one by one")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise Problem(f"{path}: it cannot be read: {error.strerror}") from None
    if head.startswith(PARQUET):
        return parquet(path)
    if head.startswith(ZIP) and is_workbook(path):
        return excel(path, sheet, header_row)
    begin = beginning(head)
    if begin.startswith((b'{"Item"', b'{"Keys"', b'{"Metadata"', ION_TEXT, ION_BINARY)):
        return dynamodb.part(path)
    raise refusal(path, head)


def beginning(head: bytes) -> bytes:
    """The first bytes of the content, expanded if it is gzipped."""
    if not head.startswith(GZIP):
        return head.lstrip()
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES).lstrip()
    except zlib.error:
        return b""


def is_workbook(path: Path) -> bool:
    """Whether a zip archive has a workbook of Excel in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        # It is damaged, and Excel's reader says so.
        return path.suffix.lower() == ".xlsx"


def refusal(path: Path, head: bytes) -> Problem:
    """What to say of a file that is nothing to convert."""
    if head.startswith(ENCRYPTED_PARQUET):
        return Problem(f"{path}: found Parquet with an encrypted footer, {EXPECTED}", "write it without encryption")
    if head.startswith(OLD_OFFICE):
        if ENCRYPTED_STREAM in path.read_bytes():
            return Problem(f"{path}: found a workbook with a password, {EXPECTED}", "save it without a password")
        return Problem(f"{path}: found an old Office document (.xls), {EXPECTED}", "save it as .xlsx")
    if not head:
        return Problem(f"{path}: it is empty, 0 bytes, {EXPECTED}")
    hint = f"a batch reads such a file as it is: `rollcall check {quote(str(path))}`"
    try:
        refuse_other_endings(path.name)
    except Unreadable:
        hint = "see `rollcall convert --help`"
    return Problem(f"{path}: found {kind_of(head)}, {EXPECTED}", hint)


def kind_of(head: bytes) -> str:
    """The kind of a file with these first bytes, or else their beginning."""
    try:
        refuse_other_kinds(head)
    except Unreadable as other:
        return other.found.removeprefix("found ").partition(", expected")[0]
    return quoted(head[:20].decode("utf-8", "backslashreplace"))
