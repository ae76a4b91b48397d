"""What a line or a row is that is no item, and where an input can be read no further, in words that help."""

import io

import pytest

from handlers.core.batch import InvalidRequest
from handlers.core.files import row_lines
from handlers.core.files.formats import csv_items, json_items
from handlers.core.files.lines import Lines
from handlers.core.files.unreadable import NOT_READ, ReadableItems, Unreadable
from handlers.core.items import MAX_ITEM_BYTES, Chunk, chunks
from handlers.core.reading import Reading
from handlers.core.rejected import ERROR_KEY


def lines(content: bytes) -> Lines:
    return Lines(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]


def rows(content: bytes) -> list[dict]:
    return list(csv_items(lines(content)))


def objects(content: bytes) -> list[dict]:
    source = lines(content)
    return list(json_items(source, lambda: f"byte-{source.start}"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{'id':'a'}", "not JSON: at character 2 found ''id':'a'}', expected a name in double quotes"),
        (b'{id:"b"}', "expected a name in double quotes"),
        (b'{"id":"c",}', "at character 10 found ',}', expected no comma before the end"),
        (b"// comment", "at character 1 found '// comment', expected a value"),
        (b'{"id":"d"},', "at character 11 found ',', expected the end of the line: one object a line"),
        (b'{"id":"e"', "found the end of the line, expected a comma or the end"),
        (b'{"id":"f', "expected a closing double quote"),
        (b'{"id":"tab\there"}', "found '\\there\"}', expected an escape for this character"),
        (b'{"id":"\\x"}', "expected an escape that JSON has"),
        (b'{"id" "a"}', "expected a colon after the name"),
        (b'{"id":' + b"9" * 5000 + b"}", "not JSON: a number of more than 4,300 digits"),
        (b"[" * 200_000, "not JSON: nested too deep"),
        (b'{"id":"a","id":"b"}', "it names 'id' twice in one object"),
        (b'{"id":"a","of":{"n":1,"n":2}}', "it names 'n' twice in one object"),
        (b'["a"]', "not a JSON object: found '[\"a\"]'"),
        (b"5", "not a JSON object: found '5'"),
        (b'{"id":"caf\xe9"}', "not UTF-8: byte 0xE9 after '{\"id\":\"caf', '\u00e9' in Windows-1252"),
        (b'{"value":1}', "its id must be a text of 1 to 256 characters, or a whole number; it has 'value'"),
        (b"{}", "it has no field"),
        (b'{"custom_id":"a","method":1}', "it has 'custom_id', 'method'"),
        (b'{"ID":"a"}', "it has 'ID'"),
        (b'{"id":null}', "found 'null'"),
        (b'{"id":1.0}', "found '1.0'"),
        (b'{"id":true}', "found 'true'"),
        (b'{"id":["a"]}', "found '[\"a\"]'"),
        (b'{"id":""}', "found '\"\"'"),
        (b'{"id":"' + b"x" * 300 + b'"}', "found 300 characters, 'xxxxxxxxxx\u2026'"),
    ],
)
def test_a_line_that_is_no_item_says_what_was_found_and_what_was_expected(line, said):
    first, second = objects(line + b'\n{"id":"next"}\n')
    assert said in first[ERROR_KEY]
    assert (first["id"], second) == ("byte-0", {"id": "next"})


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"1,Smith, John", "3 fields where the header has 2 (id, name): a text with a comma goes in quotes"),
        (b"1", "1 field where the header has 2 (id, name)"),
        (b'1,"say \\"hi\\" now"', "more text after a closing quote: a quote within quotes is written twice (not with"),
        (b'1,"a" b', "more text after a closing quote: a quote within quotes is written twice"),
        (b"1,a\rb", "a carriage return that stands alone"),
        (b"1,caf\xe9", "not UTF-8: byte 0xE9 after '1,caf', '\u00e9' in Windows-1252"),
        (b"id,name", "the header again, and no item: were files joined?"),
        (b"\xef\xbb\xbfid,name", "the header again"),
        (b",name", "its id must be a text of 1 to 256 characters"),
    ],
)
def test_a_row_that_is_no_item_says_what_was_found_and_what_was_expected(row, said):
    first, second = rows(b"id,name\n" + row + b"\nnext,b\n")
    assert said in first[ERROR_KEY]
    assert (first["id"], first["$at"], second) == ("line-2", {"line": 2}, {"id": "next", "name": "b"})


def test_a_row_of_another_width_keeps_the_id_that_it_has():
    assert rows(b"name,id\nSmith, 7,x\n")[0]["$id"] == " 7"


def test_empty_fields_after_the_last_column_are_left_out():
    assert rows(b"id,name,,\n1,Ann,,,\n2,Bob\n3,Cy,\n") == [
        {"id": "1", "name": "Ann"},
        {"id": "2", "name": "Bob"},
        {"id": "3", "name": "Cy"},
    ]
    assert ERROR_KEY in rows(b"id,name,\n1,Ann,x\n")[0]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"id,name,name", "the header names a column twice: 'name' is column 2 and 3"),
        (b"id,name,id", "'id' is column 1 and 3"),
        (b"id,,,b", "'' is column 2 and 3"),
        (b"no;name;value", "must name a column id: found 'no', 'name', 'value'; name the column that tells the items"),
        (b"a|b", "found 'a', 'b'"),
        (b"id name", "found 'id name': the fields are separated by spaces; add --delimiter space"),
        (b"id:name", "separated by colons; add --delimiter ':'"),
        (b"id;a|id", "its fields could be separated by semicolons or vertical bars: 'id;a|id\\n'; say which with"),
        (b"ID,NAME", "rename the column 'ID' to id"),
        (b" id , name ", "rename the column ' id ' to id, or give this name with --id-column"),
        (b"\xef\xbb\xbfid,name", "rename the column '\\ufeffid' to id"),
        (b"order_id,name", "found 'order_id', 'name'; name the column that tells the items apart with --id-column"),
        (b'"my-bucket","photos/2024/a+b.jpg","1024"', "is it the first row already?"),
        (b'{"id":"a"},{"id":"b"}', "looks like JSON; if it has a JSON object a line, name it .jsonl"),
        (b"sep=;", "a line that only Excel knows"),
        (b"id,gr\xfc\xdfe", "line 1: the header is not UTF-8: byte 0xFC after 'id,gr', '\u00fc' in Windows-1252; save"),
        (b"id,name\r1,Ann\r2,Bob", "the header cannot be read: a carriage return that stands alone"),
        (b"id," + b"x" * MAX_ITEM_BYTES, "the header cannot be read: longer than 262,144 bytes"),
    ],
)
def test_a_header_that_is_none_says_what_was_found_and_what_to_do(header, said):
    # A mark of UTF-8 at the start of the file is none of its text; a second one is.
    content = header if not header.startswith(b"\xef") else b"\xef\xbb\xbf" + header
    with pytest.raises(Unreadable) as refused:
        rows(content + b"\n1,2\n")
    assert said in str(refused.value)
    assert refused.value.where == "line 1"


def test_a_long_line_that_begins_blank_is_one_failed_item_and_its_rest_is_none():
    blank, second = objects(b" " * 2 * MAX_ITEM_BYTES + b'{"id":"a"}\n{"id":"b"}\n')
    assert (blank["id"], blank[ERROR_KEY], second) == ("byte-0", "longer than 262,144 bytes", {"id": "b"})


LONG = [
    b'"' + b"x" * 300_000 + b'"',
    b'"' + b"some words in a line\n" * 15_000 + b'"',
    b'"short\n' + b"x" * 300_000 + b'"',
    b'"' + b"x" * 300_000 + b'\n"',
    b'"' + b'say ""hi"", and\n' * 20_000 + b'"',
    b'"' + b"x" * (MAX_ITEM_BYTES - 2) + b'""\n' + b"y" * MAX_ITEM_BYTES + b'"',
    b'"' + b"line\r\n" * 150_000 + b'"',
]


@pytest.mark.parametrize("cell", LONG, ids=range(len(LONG)))
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_row_that_is_too_long_is_one_failed_item_over_however_many_lines_it_goes(cell, end):
    first, second = rows(b"id,text" + end + b"a," + cell + end + b"b,c" + end)
    assert (first["id"], first[ERROR_KEY]) == ("line-2", "longer than 262,144 bytes")
    assert second == {"id": "b", "text": "c"}
    assert len(rows(b"id,text\na," + cell)) == 1


def test_a_long_row_that_is_no_csv_fails_alone_where_it_is_one_line():
    first, second = rows(b'id,text\na,"b" ' + b"x" * 300_000 + b'"\nb,c\n')
    assert (first["id"], second) == ("line-2", {"id": "b", "text": "c"})


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (b'3,"Toys R Us\n4,d\n', "the row at line 4 cannot be read: a quote that is not closed before the end"),
        (b'3,"Toys R Us\n4,"d"\n', "the row at line 4 cannot be read: more text after a closing quote"),
        (b'3,"Toys\n' + b"4,d\n" * 100_000, "the row at line 4 has a quote that is not closed before the end of the"),
        (b'3,"Toys\n' + b"4,d\n" * 100_000 + b'5,"e"\n', "the row at line 4 cannot be read: more text after a closing"),
    ],
)
def test_a_quote_that_is_not_closed_is_told_with_its_line_and_swallows_no_rows(tail, said):
    source = ReadableItems(csv_items(lines(b"id,name\n1,a\n2,b\n" + tail)))
    assert [item["id"] for item in source] == ["1", "2"]
    assert source.reason
    assert said in source.reason
    assert source.reason.endswith(NOT_READ)


def test_a_quote_that_is_never_closed_is_not_looked_for_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(row_lines, "MAX_LINE_BYTES", 3 * MAX_ITEM_BYTES)
    source = lines(b'id,name\n1,"' + b"some words\n" * MAX_ITEM_BYTES)
    with pytest.raises(Unreadable, match="the row at line 2 has a quote that is not closed before 786,432 bytes"):
        list(csv_items(source))
    assert source.read(), "it is not read to its end"


def test_chunks_hold_what_stands_before_the_break():
    source = ReadableItems(csv_items(lines(b'id\n1\n2\n3\n4\n5\n"6\n7\n')))
    made = list(chunks(source, 2, 1000))
    assert [len(chunk.items) for chunk in made] == [2, 2, 1]
    assert made[-1] == Chunk(2, 4, ['{"id":"5"}'])
    assert source.reason


def test_only_what_cannot_be_read_is_a_break():
    def refused():
        yield {"id": "a"}
        raise InvalidRequest("items: too many")

    with pytest.raises(InvalidRequest, match="too many"):
        list(ReadableItems(refused()))


# What a user says of a file.


@pytest.mark.parametrize(
    ("content", "reading"),
    [
        (b"id;name\n1;Ann, B.\n", Reading()),
        (b'"id";"name"\r\n"1";"Ann, B."\r\n', Reading()),
        (b"id\tname\n1\tAnn, B.\n", Reading()),
        (b"id|name\n1|Ann, B.\n", Reading()),
        (b"id;name\n1;Ann, B.\n", Reading(delimiter=";")),
        (b"\xef\xbb\xbfid^name\n1^Ann, B.\n", Reading(delimiter="^")),
        (b'id name\n1 "Ann, B."\n', Reading(delimiter=" ")),
        (b'1,"Ann, B."\n', Reading(header=("id", "name"))),
        (b"1;Ann, B.\n", Reading(header=("id", "name"), delimiter=";")),
    ],
)
def test_fields_are_separated_by_what_is_said_or_by_the_only_thing_that_fits(content, reading):
    assert list(csv_items(lines(content), reading)) == [{"id": "1", "name": "Ann, B."}]


def test_of_several_delimiters_the_only_one_that_gives_the_id_is_taken():
    assert rows(b"id;first, last|no\n1;a, b|2\n") == [{"id": "1", "first, last|no": "a, b|2"}]
    assert rows(b"id,a;b\n1,2\n") == [{"id": "1", "a;b": "2"}]
    by_other = csv_items(lines(b"no|first, last\n1|a, b\n"), Reading(id_column="no"))
    assert list(by_other) == [{"id": "1", "no": "1", "first, last": "a, b"}]


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        (Reading(line_ids=True), "its fields could be separated by commas or semicolons: 'a,b;c\\n'"),
        (Reading(id_column="x"), "the header must name a column x: found 'a', 'b;c'; name the column that"),
        (Reading(delimiter=";"), "the header must name a column id: found 'a,b', 'c'"),
        (
            Reading(header=("a", "b")),
            "the header that was given must name a column id: found 'a', 'b'; name the column",
        ),
    ],
)
def test_where_neither_header_nor_user_tells_what_separates_fields_or_is_the_id_the_option_is_named(reading, said):
    with pytest.raises(Unreadable) as refused:
        list(csv_items(lines(b"a,b;c\n1,2;3\n"), reading))
    assert said in str(refused.value)
    assert "--" in refused.value.hint


def test_a_long_row_of_another_delimiter_fails_alone_too():
    content = b'id;name\n1;"' + b"x,\n" * 100_000 + b'"\n2;Bob\n'
    assert [item["id"] for item in csv_items(lines(content), Reading())] == ["line-2", "2"]


def test_another_column_is_the_id_and_stays_what_it_is():
    read = list(csv_items(lines(b"order_id,name\n7,Ann\n,Bob\n"), Reading(id_column="order_id")))
    assert read[0] == {"id": "7", "order_id": "7", "name": "Ann"}
    assert read[1][ERROR_KEY].startswith("its order_id must be a text of 1 to 256 characters")
    source = lines(b'{"custom_id":7,"n":1}\n{"recordId":"x"}\n{"custom_id":null}\n')
    read = list(json_items(source, lambda: f"byte-{source.start}", reading=Reading(id_column="custom_id")))
    assert read[0] == {"id": 7, "custom_id": 7, "n": 1}
    assert (
        "its custom_id must be a text of 1 to 256 characters, or a whole number; it has 'recordId'"
        in read[1][ERROR_KEY]
    )
    assert "its custom_id must be" in read[2][ERROR_KEY]


def test_the_lines_number_is_the_id_where_the_user_says_so():
    read = list(csv_items(lines(b'name\n"Ann\nB."\n\nBob\n'), Reading(line_ids=True)))
    assert read == [{"id": "2", "name": "Ann\nB."}, {"id": "5", "name": "Bob"}]
    headless = list(csv_items(lines(b"Ann,1\nBob,2\n"), Reading(header=("name", "n"), line_ids=True)))
    assert headless == [{"id": "1", "name": "Ann", "n": "1"}, {"id": "2", "name": "Bob", "n": "2"}]
    of_files = csv_items(lines(b"name\nAnn\n"), Reading(line_ids=True), "file-3-")
    assert list(of_files) == [{"id": "3:2", "name": "Ann"}]


def test_an_id_of_its_own_is_never_overwritten():
    first, second = csv_items(lines(b"id,no\n1,7\n7,7\n"), Reading(id_column="no"))
    assert first[ERROR_KEY].startswith("it has another id, and its no is to be its id")
    assert (first["$id"], second) == ("1", {"id": "7", "no": "7"})
    (third,) = csv_items(lines(b"id,no\n1,7\n"), Reading(line_ids=True))
    assert third[ERROR_KEY].startswith("it has another id, and its line is to be its id")
