"""A file is looked at by its name and its first bytes, before it is uploaded and before it is split."""

import functools
import gzip
import io
import zipfile
from pathlib import Path

import pytest

from handlers.core.files.look import HEAD_BYTES, look, refuse_other_endings
from handlers.core.files.unreadable import Unreadable

# The same bytes at all times: they name a test.
packed = functools.partial(gzip.compress, mtime=0)
ROWS = "id,name\n1,Zo\u00eb\n2,J\u00f6rg\n"
OBJECTS = '{"id":"a"}\n{"id":"b"}\n'


def zipped(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "id,name\n")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", ROWS.encode("utf-16-le"), "found UTF-16-LE without a byte order mark, expected UTF-8; save it as"),
        ("a.jsonl", OBJECTS.encode("utf-16-be"), "found UTF-16-BE without a byte order mark"),
        ("a.jsonl", OBJECTS.encode("utf-32-be"), "add --encoding utf-32-be"),
        ("a.jsonl", OBJECTS.encode("utf-32-le"), "add --encoding utf-32-le"),
        ("a.csv", packed(ROWS.encode()), "found gzip, expected lines of text; end its name in .gz"),
        ("a.csv.gz", b"", "it is empty, 0 bytes, expected gzip"),
        ("a.csv.gz", zipped("orders.csv"), "found a zip archive"),
        ("a.csv.gz", ROWS.encode(), "found 'id,name\\n1,Zo\u00eb\\n2,J\u00f6', expected gzip"),
        ("a.jsonl.gz", packed(packed(b"{}")), "found gzip within gzip"),
        ("a.jsonl.gz", b"\x1f\x8bgarbage" * 9, "found damaged gzip"),
        ("a.jsonl.gz", packed(OBJECTS.encode("utf-16-le")), "found UTF-16-LE without"),
        ("a.csv", zipped("orders.csv"), "found a zip archive"),
        (
            "a.csv",
            zipped("[Content_Types].xml", "xl/workbook.xml"),
            "found an Excel workbook (.xlsx), expected lines of text; make JSON Lines of it",
        ),
        (
            "a.csv",
            b"PAR1\x15\x04\x15\x14",
            "found Parquet, expected lines of text; make JSON Lines of it with `rollcall convert`",
        ),
        ("a.jsonl", b"Obj\x01\x04\x14avro.codec", "found Avro"),
        ("a.jsonl", b"ORC\x0a\x08\x03", "found ORC"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 8, "found an old Office document"),
        ("a.csv", b"SQLite format 3\x00\x10\x00", "found an SQLite database"),
        ("a.jsonl", b"BZh91AY&SY\x00\x01", "found bzip2"),
        ("a.jsonl", b"\x28\xb5\x2f\xfd\x04\x00", "found zstandard"),
        ("a.jsonl", b"\xfd7zXZ\x00\x00", "found xz"),
        ("a.csv", b"%PDF-1.7\n", "found a PDF"),
        ("a.csv", b"\x00" * 257 + b"ustar\x0000", "found a tar archive"),
        ("a.csv", b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "found a web page, expected lines of text; see whether"),
        ("a.jsonl", b'<?xml version="1.0"?>', "found XML"),
        ("a.csv", b"id,name\r1,Ann\r", "line 1: the header cannot be read: a carriage return that stands alone"),
        ("a.jsonl", b'{"id":"a"}\r{"id":"b"}\r', "line 1: lines end in a carriage return alone, expected a line feed"),
        ("a.csv", b"\n\nno;name\n1;Ann\n", "line 3: the header must name a column id: found 'no', 'name'"),
        ("a.jsonl", b'[{"id":"a"},{"id":"b"}]', 'line 1: found a JSON array, \'[{"id":"a"},{"id":"b\u2026\''),
        (
            "a.jsonl",
            b'\n[\n  {"id":"a"},\n  {"id":"b"}\n]\n',
            "line 2: found a JSON array, '[', expected one JSON object",
        ),
        ("a.jsonl", b'[{"id":"a"},\n{"id":"b"}]\n', "found a JSON array"),
        ("a.json", b" [1, 2, 3]", "found an array of '1', expected JSON objects"),
        ("a.json", b'\xef\xbb\xbf[{"no":1}, {"no":2}]', "has the field 'id': the first has 'no'; name the field"),
        ("a.json", b'{\n "items": []\n}', "line 1: found an object over several lines"),
        ("a.json", b'{"Records": [1]}', "has the field 'id': the first has 'Records'"),
        ("a.jsonl", b'{\n  "id": "a"\n}\n', "line 1: found an object over several lines, '{', expected one JSON"),
        ("a.jsonl", b'{"id": "a",\n "n": 1}\n{"id": "b",\n "n": 2}\n', "found an object over several lines"),
        ("a.jsonl", b"id,name\n1,Ann\n", "line 1: found 'id,name', expected one JSON object a line; if it is CSV"),
        ("a.jsonl", b'"a"\n"b"\n', "found '\"a\"', expected one JSON object a line; give each item as an object"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_was_found_and_the_next_step(name, content, said):
    with pytest.raises(Unreadable) as refused:
        look(name, content)
    assert said in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("name", "content", "holds"),
    [
        ("a.csv", ROWS.encode("utf-16"), True),
        ("a.jsonl", OBJECTS.encode("utf-32"), True),
        ("a.jsonl.gz", packed(OBJECTS.encode("utf-16")), True),
        ("a.csv", "id,name\n".encode("utf-16"), False),
        ("a.tsv", b"id\tname\n1\tAnn\n", True),
        ("a.PSV.gz", packed(b"id|name\n1|Ann\n"), True),
        ("a.ndjson", OBJECTS.encode(), True),
        ("a.json", OBJECTS.encode(), True),
        ("a.json", b'\xef\xbb\xbf\n[\n {"id":"a"},\n {"id":"b"}\n]\n', True),
        ("a.json.gz", packed(b'[{"id":"a"}, {"no":'), True),
        ("a.json", '[{"id":"a"}]'.encode("utf-16"), True),
        ("a.json", b" [ ] ", False),
        ("a.csv", b"", False),
        ("a.jsonl", b"\n \r\n", False),
        ("a.csv.gz", packed(b""), False),
        ("a.csv", b"\xef\xbb\xbfid,name\r\n\r\n", False),
        ("a.csv", b"id,name\n1,Ann\n", True),
        ("a.csv", b"ORCID,id\n0000,1\n", True),
        ("a.csv", b"id,note\n1,\x00\n", True),
        ("a.csv", b"id,name\n1,Zo\xeb\n", True),
        ("a.jsonl", OBJECTS.encode("utf-8-sig"), True),
        ("a.jsonl", b'{"id":"a"', True),
        ("a.jsonl", b'{"id":"caf\xe9"}\n', True),
        ("a.jsonl", b"no item\n" + OBJECTS.encode(), True),
        ("a.jsonl", b'[1, 2]\n{"id":"a"}\n', True),
        ("a.jsonl", b'{"id":"' + b"x" * (2 * HEAD_BYTES), True),
        ("a.csv", b"\n" * HEAD_BYTES, True),
        ("A.CSV.Gz", packed(b"id\n") + packed(b"1\n"), True),
    ],
)
def test_a_file_that_can_be_read_is_taken_and_said_to_hold_items_or_none(name, content, holds):
    assert look(name, content[:HEAD_BYTES]) is holds


def test_any_mix_of_case_of_the_endings_is_known():
    for name in ("a.csv", "orders.CSV", "A.Jsonl.GZ", "b.JSONL", "c.csv.Gz", "d.NDJson", "e.JsonLines.gz", "f.TSV"):
        refuse_other_endings(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("orders.txt", "say what it is with --format csv or --format jsonl"),
        ("a.csv.zip", "unpack it"),
        ("a.xlsx", "make JSON Lines of it with `rollcall convert`"),
        ("a.parquet", "make JSON Lines of it with `rollcall convert`"),
        ("a.xls", "save it as CSV"),
        ("csv", "or give its --format"),
        ("a.gz", "or give its --format"),
        ("orders.CSVX", "or give its --format"),
        ("", "or give its --format"),
    ],
)
def test_another_ending_is_refused_with_the_next_step(name, hint):
    with pytest.raises(Unreadable, match=r"its name must end in \.jsonl, \.ndjson, \.json, \.csv or \.tsv") as refused:
        refuse_other_endings(name)
    assert hint in refused.value.hint


@pytest.mark.parametrize("size", range(len("id,name"), 30))
def test_however_much_is_seen_of_a_good_file_it_is_taken(size):
    look("a.csv", ROWS.encode()[:size])
    look("a.jsonl", OBJECTS.encode()[:size])
    look("a.jsonl.gz", packed(OBJECTS.encode() * 100)[: size + 10])


def test_no_word_of_ours_is_pythons():
    """Sentences of csv, json, gzip, zlib and of codecs may be matched, and are never handed on."""
    handlers = Path(__file__).parents[2] / "handlers"
    translator = "what_is_wrong.py"
    for path in (*handlers.glob("core/files/*.py"), handlers / "aws/input_object.py"):
        if path.name == translator:
            continue
        text = path.read_text()
        assert "{error}" not in text, path
        assert "str(error)" not in text, path
