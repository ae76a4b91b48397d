"""Small files of every kind that people feed a batch, and what must become of each: one expected row a file.

Their models are public bug reports of comparable tools.
"""

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class File:
    """`seen`: the items as `process` gets them; it tells of none with a `value`.

    `failed`: of those that fail, id and what is said of it. `reason`: why the batch is FAILED, whatever its items came
    to. `reading`: what the request says of the file. `about`: what S3 is told of the object.
    """

    name: str
    content: bytes
    seen: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "FAILED" if self.failed or self.reason else "SUCCEEDED"


def zipped(name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "id,name\n1,Ann\n")
    return packed.getvalue()


def people(*names: str) -> list[dict[str, Any]]:
    return [{"id": str(number), "name": name} for number, name in enumerate(names, 1)]


def numbered(count: int) -> list[dict[str, Any]]:
    return people(*(f"n{number}" for number in range(1, count + 1)))


def csv_of(items: list[dict[str, Any]]) -> bytes:
    return b"id,name\n" + "".join(f"{item['id']},{item['name']}\n" for item in items).encode()


AB = [{"id": "a"}, {"id": "b"}]
ANN_BOB = people("Ann", "Bob")
GOOD = csv_of(ANN_BOB)
HUNDRED = numbered(100)
# What is left of a gzip file of which half was sent.
HALF = gzip.compress(csv_of(numbered(300)), compresslevel=0)
WHOLE_LINES = zlib.decompressobj(wbits=31).decompress(HALF[: len(HALF) // 2]).count(b"\n") - 1

CORPUS = [
    # CSV that is read.
    File("plain.csv", GOOD, ANN_BOB),
    File("no_last_line_feed.csv", GOOD.rstrip(), ANN_BOB),
    File("bom.csv", b"\xef\xbb\xbf" + GOOD, ANN_BOB),
    File("crlf.csv", GOOD.replace(b"\n", b"\r\n"), ANN_BOB),
    File("cr_crlf.csv", GOOD.replace(b"\n", b"\r\r\n"), ANN_BOB),
    File("blank_lines.csv", b"\n\n" + GOOD.replace(b"\n", b"\n\n"), ANN_BOB),
    File("quoted.csv", b'id,name\n1,"say ""hi"", now"\n2,"two\nlines"\n', people('say "hi", now', "two\nlines")),
    File("separators.csv", "id,name\n1,a\u2028b\u0085c\n".encode(), people("a\u2028b\u0085c")),
    File("texts_stay_texts.csv", b"id,n\n007,1e5\n1.0,0x1\n", [{"id": "007", "n": "1e5"}, {"id": "1.0", "n": "0x1"}]),
    File("one_column.csv", b"id\na\nb\n", AB),
    File("orders.CSV", GOOD, ANN_BOB),
    File("Orders.Csv.GZ", gzip.compress(GOOD), ANN_BOB),
    File("members.csv.gz", gzip.compress(b"id,name\n1,Ann\n") + gzip.compress(b"2,Bob\n"), ANN_BOB),
    File("nul.csv", b"id,name\n1,a\x00b\n", people("a\x00b")),
    File("\u00fcml\u00e4ut \u6f22 \U0001f600 [a]&.csv", GOOD, ANN_BOB),
    File("row_trailing_commas.csv", b"id,name\n1,Ann,\n2,Bob,,,\n3,Cy\n", people("Ann", "Bob", "Cy")),
    File("header_trailing_commas.csv", b"id,name,,\n1,Ann,,\n2,Bob,,\n", ANN_BOB),
    File("empty.csv", b""),
    File("empty.jsonl", b""),
    File("header_only.csv", b"id,name\n"),
    File("blank_only.jsonl", b"\n \r\n\t\n"),
    File("empty_inside.csv.gz", gzip.compress(b"")),
    File("semicolon.csv", b"id;name;value\r\n1;Ann, B.;0\r\n", [{"id": "1", "name": "Ann, B.", "value": "0"}]),
    File("semicolon_quoted.csv", b'"id";"name"\n"1";"Ann"\n"2";"Bob"\n', ANN_BOB),
    File("tab.csv", GOOD.replace(b",", b"\t"), ANN_BOB),
    File("pipe.csv", GOOD.replace(b",", b"|"), ANN_BOB),
    File("orders.tsv", GOOD.replace(b",", b"\t"), ANN_BOB),
    File("Orders.TSV.gz", gzip.compress(GOOD.replace(b",", b"\t")), ANN_BOB),
    File("space.csv", b"id name\n1 Ann\n2 Bob\n", ANN_BOB, reading={"delimiter": "space"}),
    File("hdr_other_said.csv", b"order_id,name\n1,Ann\n", [{"id": "1", "order_id": "1", "name": "Ann"}],
         reading={"idColumn": "order_id"}),
    File("no_header_said.csv", b"1,Ann\n2,Bob\n", ANN_BOB, reading={"header": ["id", "name"]}),
    File("line_ids.csv", b'name\nAnn\n\n"Bob\nB."\nCy,x\n',
         [{"id": "2", "name": "Ann"}, {"id": "4", "name": "Bob\nB."}], {"line-6": "2 fields where the header has 1"},
         reading={"lineIds": True}),
    File("other_id_too.csv", b"id,no\n7,7\n1,8\n", [{"id": "7", "no": "7"}], {"line-3": "it has another id"},
         reading={"idColumn": "no"}),
    File("orders.txt", GOOD, ANN_BOB, reading={"format": "csv"}),
    File("utf16.csv", "id,name\r\n1,Zo\u00eb\r\n".encode("utf-16"), people("Zo\u00eb")),
    File("utf16le_tab.csv", "id\tname\r\n1\tAnn\r\n".encode("utf-16-le"), people("Ann"),
         reading={"encoding": "utf-16-le"}),
    File("cp1252_said.csv", b"id,name\r\n1,Zo\xeb\r\n2,\x81\r\n", people("Zo\u00eb"), {"line-3": "not UTF-8"},
         reading={"encoding": "windows-1252"}),
    File("encoded.csv", gzip.compress(GOOD), ANN_BOB, about={"ContentEncoding": "gzip"}),
    File("encoded.csv.gz", gzip.compress(GOOD), ANN_BOB, about={"ContentEncoding": "gzip"}),
    File("brotli.csv", b"\x0b\x02\x80", reason="its Content-Encoding is 'br', and only gzip is read",
         about={"ContentEncoding": "br"}),
    # Rows that are no items.
    File("short_rows.csv", b"id,name,note\n1,Ann,x\n2,Bob\n3\n", [{"id": "1", "name": "Ann", "note": "x"}],
         {"line-3": "2 fields where the header has 3 (id, name, note)", "line-4": "1 field where the header has 3"}),
    File("long_rows.csv", b"id,name\n1,Smith, John\n2,Bob\n", ANN_BOB[1:],
         {"line-2": "3 fields where the header has 2 (id, name): a text with a comma goes in quotes"}),
    File("joined.csv", b"id,name\n1,Ann\nid,name\n2,Bob\n", ANN_BOB, {"line-3": "the header again, and no item"}),
    File("backslash_quotes.csv", b'id,note\n1,"say \\"hi\\" now"\n2,ok\n', [{"id": "2", "note": "ok"}],
         {"line-2": "more text after a closing quote: a quote within quotes is written twice (not with a backslash)"}),
    File("cp1252_row.csv", b"id,name\r\n1,Zo\xeb\r\n2,Bob\r\n3,J\xf6rg\r\n", ANN_BOB[1:],
         {"line-2": "not UTF-8: byte 0xEB after '1,Zo', '\u00eb' in Windows-1252", "line-4": "not UTF-8: byte 0xF6"}),
    File("no_ids.csv", b"id,name\n,Ann\n2,Bob\n", ANN_BOB[1:], {"line-2": "its id must be a text of 1 to 256"}),
    File("last_quote.csv", GOOD + b'3,"cut o', ANN_BOB, {"line-4": "a quote that is not closed before the end"}),
    File("long_cell.csv", b'id,name\n1,"' + b"word\n" * 60_000 + b'"\n2,Bob\n', ANN_BOB[1:],
         {"line-2": "longer than 262,144 bytes"}),
    File("long_line.csv", b'id,name\n1,"' + b"x" * 300_000 + b'\ny"\n2,Bob\n', ANN_BOB[1:],
         {"line-2": "longer than 262,144 bytes"}),
    File("lone_return.csv", b"id,name\n1,a\rb\n2,Bob\n", ANN_BOB[1:], {"line-2": "a carriage return that stands"}),
    # Headers that are none.
    File("hdr_dup.csv", b"id,name,name\n1,Ann,Anna\n", reason="line 1: the header names a column twice: 'name'"),
    File("hdr_dup_id.csv", b"id,name,id\n1,Ann,901\n", reason="names a column twice: 'id' is column 1 and 3"),
    File("hdr_upper.csv", b"ID,NAME\n1,Ann\n", reason="rename the column 'ID' to id, or give this name with --id-"),
    File("hdr_spaces.csv", b" id , name \n1,Ann\n", reason="rename the column ' id ' to id"),
    File("hdr_other.csv", b"order_id,name\n1,Ann\n", reason="found 'order_id', 'name'; name the column that"),
    File("no_header.csv", b'"my-bucket","photos/2024/a.jpg","1024"\n', reason="is it the first row already?"),
    File("space_unsaid.csv", b"id name\n1 Ann\n", reason="are separated by spaces; add --delimiter space"),
    File("unclear.csv", b"a,b;c\n1,2;3\n", reason="could be separated by commas or semicolons: 'a,b;c\\n'; say which",
         reading={"lineIds": True}),
    File("comma.tsv", GOOD, reason="found 'id,name': the fields are separated by commas; add --delimiter ','"),
    File("cp1252_header.csv", b"id,gr\xfc\xdfe\r\n1,5\r\n", reason="line 1: the header is not UTF-8: byte 0xFC after"),
    File("cr_only.csv", b"id,name\r1,Ann\r2,Bob\r", reason="line 1: the header cannot be read: a carriage return that"),
    # Other kinds of files.
    File("utf16le.csv", "id\tname\r\n1\tAnn\r\n".encode("utf-16-le"),
         reason="found UTF-16-LE without a byte order mark, expected UTF-8; save it as UTF-8, or add --"),
    File("zip.csv", zipped("orders.csv"), reason="found a zip archive, expected lines of text; unpack it"),
    File("excel.csv", zipped("xl/workbook.xml"), reason="found an Excel workbook (.xlsx), expected lines of text"),
    File("parquet.csv", b"PAR1\x15\x04\x15\x14\x15\x14", reason="found Parquet, expected lines of text"),
    File("page.csv", b"<!DOCTYPE html>\n<html><body>403", reason="found a web page, expected lines of text"),
    File("packed.csv", gzip.compress(GOOD), reason="found gzip, expected lines of text; end its name in .gz"),
    File("empty.csv.gz", b"", reason="it is empty, 0 bytes, expected gzip"),
    File("unpacked.csv.gz", GOOD, reason="found 'id,name\\n1,Ann\\n2,Bob\\n', expected gzip; if it is not"),
    File("twice.jsonl.gz", gzip.compress(gzip.compress(b'{"id":"a"}\n')), reason="found gzip within gzip"),
    File("broken.csv.gz", b"\x1f\x8b\x08" + b"\x00" * 7 + b"\xff" * 40, reason="found damaged gzip"),
    File("orders.dat", GOOD, reason="perhaps with .gz; say what it is with --format csv or --format jsonl"),
    File("no_id.jsonl", b'{"custom_id":"a"}\n{"custom_id":"b"}\n',
         reason="no object at the beginning of the file has the field 'id': the first has 'custom_id'; name the field"),
    # JSON Lines that are read.
    File("plain.jsonl", b'{"id":"a"}\n{"id":"b"}', AB),
    File("bom.jsonl", b'\xef\xbb\xbf{"id":"a"}\r\n\r\n{"id":"b"}\r\n', AB),
    File("Plain.JSONL.Gz", gzip.compress(b'{"id":"a"}\n{"id":"b"}\n'), AB),
    File("numbers.jsonl", b'{"id":7,"n":9007199254740993}\n', [{"id": "7", "n": 9007199254740993}]),
    File("texts.jsonl", '{"id":"\u6f22","t":"\u00fc\U0001f600\u2028\\u0000\\uffff\\u001b[31m"}\n'.encode(),
         [{"id": "\u6f22", "t": "\u00fc\U0001f600\u2028\x00\uffff\x1b[31m"}]),
    File("150_kb.jsonl", b'{"id":"a","value":0,"t":"' + "\u6f22".encode() * 50_000 + b'"}\n',
         [{"id": "a", "value": 0}]),
    File("half.jsonl", b'{"id":"a","t":"cut emoji \\ud83d"}\n', [{"id": "a", "t": "cut emoji \ud83d"}]),
    File("half_id.jsonl", b'{"id":"\\ud83d"}\n', [{"id": "\ud83d"}]),
    File("custom_id.ndjson", b'{"custom_id":"r-1","n":1}\n{"recordId":"r-2"}\n',
         [{"id": "r-1", "custom_id": "r-1", "n": 1}], {"byte-26": "its custom_id must be a text"},
         reading={"idColumn": "custom_id"}),
    File("line_ids.JsonLines.gz", gzip.compress(b'{"n":1}\n\n{"n":2}\n'), [{"id": "1", "n": 1}, {"id": "3", "n": 2}],
         reading={"lineIds": True}),
    File("line_ids.jsonl", b'{"n":1}\nno\n{"n":2}\n', [{"id": "1", "n": 1}, {"id": "3", "n": 2}],
         {"line-2": "not JSON"}, reading={"lineIds": True}),
    File("utf16.jsonl", '{"id":"a"}\r\nno\r\n{"id":"b"}'.encode("utf-16"), AB, {"line-2": "not JSON"}),
    File("utf32.jsonl", '{"id":"a"}\n{"id":"b"}\n'.encode("utf-32"), AB),
    File("encoded.jsonl", gzip.compress(b'{"id":"a"}\n{"id":"b"}\n'), AB,
         about={"ContentEncoding": "gzip"}),
    File("array.json", b'[{"id":"a"},{"id":"b"}]\n', AB),
    File("array_pretty.json.gz", gzip.compress(b'\n[\n  {"id":"a"},\n  {"id":"b"}\n]\n'), AB),
    File("lines.json", b'{"id":"a"}\n{"id":"b"}\n', AB),
    File("array_said.jsonl", b'[{"n":1},{"n":2}]', [{"id": "1", "n": 1}, {"id": "2", "n": 2}],
         reading={"format": "json", "lineIds": True}),
    File("array_utf16.json", '[{"id":"a"},{"id":"b"}]'.encode("utf-16"), AB),
    File("array_odd.json", b'[{"id":"a"},7,{"no":1},{"id":"b"}]', AB,
         {"element-2": "not a JSON object: found '7'", "element-3": "it has 'no'"}),
    File("array_open.json", b'[{"id":"a"},{"id":"b"},{"id":', AB, {}, "the array ends in element 3, before it is"),
    File("array_empty.json", b"[ ]\n"),
    # Lines that are no items.
    File("half_fails.jsonl", b'{"id":"a"}\n{"id":"bad","fail":true,"t":"cut emoji \\ud83d"}\n{"id":"b"}\n', AB,
         {"bad": "RuntimeError: bad was made to fail"}),
    File("loose.jsonl", b'{"id":"a"}\n{\'id\':\'b\'}\n{id:"c"}\n{"id":"d",}\n# no\n{"id":"b"}\n{"id":"e"},\n', AB,
         {"byte-11": "at character 2 found ''id':'b'}', expected a name in double quotes",
          "byte-22": "at character 2 found 'id:\"c\"}', expected a name in double quotes",
          "byte-31": "found ',}', expected no comma before the end", "byte-43": "at character 1 found '# no'",
          "byte-59": "at character 11 found ',', expected the end of the line"}),
    File("other_ids.jsonl", b'{"custom_id":"r-1","body":{}}\n{"id":null}\n{"id":1.0}\n{"ID":"a"}\n',
         failed={"byte-0": "it has 'custom_id', 'body'", "byte-30": "found 'null'", "byte-42": "found '1.0'",
                 "byte-53": "it has 'ID'"}),
    File("twice_named.jsonl", b'{"id":"a"}\n{"id":"b","id":"c"}\n{"id":"b"}\n', AB, {"byte-11": "it names 'id' twice"}),
    File("nan.jsonl", b'{"id":"a"}\n{"id":"nan","n":NaN}\n{"id":"b"}\n', AB, {"nan": "JSON cannot say it: it holds"}),
    File("latin1.jsonl", b'{"id":"a"}\n{"id":"caf\xe9"}\n{"id":"b"}\n', AB, {"byte-11": "not UTF-8: byte 0xE9 after"}),
    File("cut.jsonl", b'{"id":"a"}\n{"id":"b"}\n{"id":"c', AB, {"byte-22": "expected a closing double quote"}),
    # Shapes that are none.
    File("array.jsonl", b'[{"id":"a"},{"id":"b"}]\n', reason="expected one JSON object a line; name it .json, or"),
    File("array_pretty.jsonl", b'[\n  {"id":"a"},\n  {"id":"b"}\n]\n', reason="line 1: found a JSON array, '['"),
    File("pretty.jsonl", b'{\n  "id": "a"\n}\n{\n  "id": "b"\n}\n', reason="line 1: found an object over several"),
    File("csv.jsonl", GOOD, reason="line 1: found 'id,name', expected one JSON object a line; if it is CSV, name it"),
    File("jsonl.csv", b'{"id":"a"}\n{"id":"b"}\n', reason="which looks like JSON"),
    # Where an input breaks off, what stands before is processed.
    File("open_quote.csv", GOOD + b'3,"Toys R Us\n4,bar\n', ANN_BOB, {}, "the row at line 4 cannot be read: a quote"),
    File("late_quote.csv", csv_of(HUNDRED) + b'101,"x\n102,"y"\n103,z\n', HUNDRED, {},
         "the row at line 102 cannot be read: more text after a closing quote"),
    File("late_quote_fails.csv", csv_of(HUNDRED) + b'x\n101,"x\n102,"y"\n', HUNDRED, {"line-102": "1 field where the"},
         "the row at line 103 cannot be read: more text after a closing quote"),
    File("late_endless_quote.csv", csv_of(HUNDRED) + b'101,"x\n' + b"102,y\n" * 60_000, HUNDRED, {},
         "the row at line 102 has a quote that is not closed before the end of the file"),
    File("late_long_line.jsonl.gz", gzip.compress(b'{"id":"a"}\n{"id":"b"}\n' + b"x" * (65 * 2**20), 1), AB, {},
         "line at byte 22 is longer than 67,108,864 bytes"),
    File("half.csv.gz", HALF[: len(HALF) // 2], numbered(WHOLE_LINES), {}, "it is not whole: the gzip ends in the"),
    File("damaged.csv.gz", HALF[:-8] + b"\x00" * 8, reason="found damaged gzip; pack it again"),
]  # fmt: skip
