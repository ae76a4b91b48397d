"""Where items come from: whole, in parts, and from lines that are none."""

import csv
import gzip
import io
import json
import tracemalloc
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.aws import settings
from handlers.aws.input_object import ExpandedBody
from handlers.core.batch import BatchRequest, InputObject, InvalidRequest
from handlers.core.files import lines as lines_module
from handlers.core.files.formats import csv_items, json_items
from handlers.core.files.lines import Lines, lines_of_part
from handlers.core.files.unreadable import ReadableItems
from handlers.core.items import ERROR_KEY, MAX_ITEM_BYTES
from handlers.sfn import batcher
from handlers.source import Extent, items, survey


def stream(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))  # type: ignore[arg-type]


def part(content: bytes, first: int = 0, last: int | None = None, skip: int = 0) -> list[dict]:
    """Items of a part of a plain .jsonl object, as handlers.aws.input_object reads them."""
    lines = lines_of_part(stream(content[max(0, first - 1) :]), first, last)
    return list(json_items(lines, lambda: f"byte-{lines.start}", skip))


def rows(content: bytes) -> list[dict]:
    return list(csv_items(Lines(stream(content))))


def reasons(read: list[dict]) -> dict[str, str]:
    """Of the invalid items: id and reason."""
    return {item["id"]: item[ERROR_KEY] for item in read if ERROR_KEY in item}


# Random items


def test_random_items_are_the_same_from_any_part():
    request = BatchRequest(items=50, max_value=20, fail_rate=0.3)
    everything = list(items(request, "b"))
    assert list(items(request, "b", 10, 40, skip=5)) == everything[15:40]
    assert list(items(request, "b", skip=33)) == everything[33:]
    assert list(items(request, "c")) != everything
    assert {item["id"] for item in everything} == {f"{n:09d}" for n in range(50)}


def test_random_values_reach_their_bounds_and_fail_at_the_rate_asked_for():
    everything = list(items(BatchRequest(items=20_000, max_value=9, fail_rate=0.25), "b"))
    assert {item["value"] for item in everything} == set(range(10))
    assert 4_500 < sum("fail" in item for item in everything) < 5_500


def test_no_item_fails_and_none_sleeps_when_not_asked_to():
    everything = list(items(BatchRequest(items=100, max_value=0), "b"))
    assert all(item["value"] == 0 and "fail" not in item for item in everything)


def test_random_items_need_no_look_at_any_source():
    request = BatchRequest(items=7)
    assert survey(request) == (request, Extent(7, 7))


@pytest.mark.parametrize("key", ["items", "items.doc", "items.gz", "items.csv.zip", ""])
def test_an_input_of_no_known_kind_is_refused_with_its_name(key):
    with pytest.raises(InvalidRequest, match=r"must end in \.jsonl, \.ndjson, \.json, \.csv"):
        survey(BatchRequest(input=InputObject("bucket", key)))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (InputObject("others", "input/a.jsonl"), "input.bucket: 'others' must be mine, the stack's InputBucket"),
        (
            InputObject("mine", "code/a.jsonl"),
            "input.key: 'code/a.jsonl' must begin with input/, the stack's InputPrefix",
        ),
        (InputObject("mine", "inputs/a.csv.gz"), "input.key: 'inputs/a.csv.gz' must begin with input/"),
    ],
)
def test_no_part_of_an_input_elsewhere_is_read_whoever_asks(monkeypatch: pytest.MonkeyPatch, place, said):
    monkeypatch.setitem(settings.VARIABLES, "INPUT_BUCKET", "mine")
    monkeypatch.setitem(settings.VARIABLES, "INPUT_PREFIX", "input/")
    request = BatchRequest(input=place)
    for read in (
        lambda: survey(request),
        lambda: list(items(request, "b")),
        lambda: list(items(request, "b", 5, 9, 2)),
    ):
        with pytest.raises(InvalidRequest, match=said):
            read()


# JSON Lines


LINE = st.one_of(
    st.integers(0, 999).map(lambda n: json.dumps({"id": str(n)}).encode()),
    st.sampled_from([b"", b"  ", b"\t\r", b"not json", b"[]", b"\xff\xfe", b' {"id": "spaced"}', b'{"value": 1}']),
)


@given(
    content=st.lists(LINE, max_size=12),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    closed=st.booleans(),
    cuts=st.sets(st.integers(0, 200)),
)
def test_however_an_object_is_cut_every_line_is_in_one_part_under_one_name(content, ending, closed, cuts):
    whole = ending.join(content) + (ending if closed and content else b"")
    everything = part(whole)
    assert len(everything) == sum(bool(line.strip()) for line in whole.split(b"\n"))
    assert len(reasons(everything)) == sum(ERROR_KEY in item for item in everything), "a name twice"
    borders = [0, *sorted(cut for cut in cuts if 0 < cut < len(whole)), len(whole)]
    assert [item for first, last in pairwise(borders) for item in part(whole, first, last)] == everything
    assert part(whole, skip=3) == everything[3:]


def test_a_bad_line_becomes_an_item_that_fails_and_the_others_are_read():
    read = part(b'{"id":"a"}\n\nnot json\n[1]\n\xff\xfe\n{"value":1}\n{"id":"b"}')
    assert [item["id"] for item in read] == ["a", "byte-12", "byte-21", "byte-25", "byte-28", "b"]
    said = reasons(read)
    assert "not JSON" in said["byte-12"]
    assert "not a JSON object" in said["byte-21"]
    assert "not UTF-8" in said["byte-25"]
    assert "its id must be" in said["byte-28"]


def test_the_mark_of_utf_8_at_the_start_of_a_file_is_no_part_of_its_first_item():
    assert part(b'\xef\xbb\xbf{"id":"a"}\n') == [{"id": "a"}]
    assert rows(b"\xef\xbb\xbfid,value\na,1\n") == [{"id": "a", "value": "1"}]


def test_an_item_cannot_pass_for_an_invalid_one():
    assert reasons(part(b'{"id":"a","$error":"no"}')) == {"byte-0": "the field $error is Rollcall's own"}


@pytest.mark.parametrize("line", [b"[" * 200_000, b'{"id":' + b"9" * 5_000 + b"}", b"\x00", b'{"id": "a"', b"{} {}"])
def test_a_line_that_is_no_item_fails_alone(line):
    read = part(line + b'\n{"id":"b"}\n')
    assert (ERROR_KEY in read[0], read[1]) == (True, {"id": "b"})


def test_a_line_that_is_too_long_does_not_fill_the_memory():
    content = stream(b"x" * (40 * MAX_ITEM_BYTES) + b'\n{"id":"b"}\n')
    lines = Lines(content)
    tracemalloc.start()
    read = list(json_items(lines, lambda: f"line-{lines.number}"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [item["id"] for item in read] == ["line-1", "b"]
    assert peak < 8 * MAX_ITEM_BYTES


def test_a_file_that_is_one_endless_line_is_refused(monkeypatch):
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 3 * MAX_ITEM_BYTES)
    content = b'{"id":"a"}\n' + b"x" * (5 * MAX_ITEM_BYTES) + b'\n{"id":"b"}\n'
    with pytest.raises(InvalidRequest, match="the line at byte 11 is longer than"):
        part(content)
    assert part(content, first=100) == [{"id": "b"}], "the part in which it begins says so"


def test_a_line_as_long_as_an_item_may_be_is_an_item():
    line = b'{"id":"' + b"x" * 200 + b'","text":"'
    line += b"y" * (MAX_ITEM_BYTES - len(line) - 2) + b'"}'
    assert len(line) == MAX_ITEM_BYTES
    assert not reasons(part(line + b"\r\n"))


def test_a_million_blank_lines_are_passed_over_and_still_counted():
    lines = Lines(stream(b"\n" * 500_000 + b" \r\n" * 500_000 + b"nothing"))
    assert [item["id"] for item in json_items(lines, lambda: f"line-{lines.number}")] == ["line-1000001"]


# CSV


def test_csv_rows_have_the_headers_names():
    assert rows(b"id,value\r\na,1\r\n\r\nb,2") == [{"id": "a", "value": "1"}, {"id": "b", "value": "2"}]


@pytest.mark.parametrize("blank", [b"\n\n", b",\n", b" \n", b" , \r\n"])
def test_blank_rows_are_passed_over(blank):
    assert rows(blank + b"id,value\n" + blank + b"a,1\n" + blank) == [{"id": "a", "value": "1"}]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=8), max_size=8))
def test_any_text_that_csv_can_say_is_read(values):
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerows([["id", "value"], *([str(n), value] for n, value in enumerate(values))])
    assert [row["value"] for row in rows(written.getvalue().encode())] == values


def test_a_bad_row_becomes_an_item_that_fails_under_its_line():
    read = rows(b'id,value\na,"1\n2"\nb,1,2\nc\n\xff,3\n"d"e,4\n,5\nf,6\ng,"7')
    assert [item["id"] for item in read] == ["a", "line-4", "line-5", "line-6", "line-7", "line-8", "f", "line-10"]
    assert read[0] == {"id": "a", "value": "1\n2"}
    assert read[6] == {"id": "f", "value": "6"}
    said = reasons(read)
    assert "3 fields where the header has 2" in said["line-4"]
    assert "not UTF-8" in said["line-6"]
    assert "a quote that is not closed" in said["line-10"]


def test_a_row_that_is_too_long_fails_alone():
    read = rows(b"id,value\na," + b"x" * MAX_ITEM_BYTES + b'\nb,1\nc,"' + b"x" * 50_000 + b'\n"\nd,2\n')
    assert [item["id"] for item in read] == ["line-2", "b", "c", "d"]


def test_a_quote_that_is_not_closed_ends_the_reading_instead_of_swallowing_rows():
    with pytest.raises(InvalidRequest, match="the row at line 2"):
        rows(b'id,value\na,"1\n' + b"b,2\n" * MAX_ITEM_BYTES)


@pytest.mark.parametrize("header", [b"name,value\n", b"\xff,id\n", b"id," + b"x" * MAX_ITEM_BYTES + b"\n", b'"id'])
def test_a_file_without_a_usable_header_is_refused(header):
    with pytest.raises(InvalidRequest):
        rows(header + b"a,1\n")


def test_an_empty_file_has_no_items():
    assert rows(b"") == part(b"") == []


# Gzip


def expanded(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(ExpandedBody(io.BytesIO(content)))


def test_a_gzip_bomb_is_refused_before_it_is_expanded():
    bomb = gzip.compress(b"\n" * 150 * 2**20, compresslevel=1)
    assert len(bomb) < 2**20
    lines = Lines(expanded(bomb))
    with pytest.raises(InvalidRequest, match="expands more than 200 times"):
        list(json_items(lines, lambda: "never"))


def test_a_small_file_may_expand_as_much_as_it_likes():
    assert len(list(json_items(Lines(expanded(gzip.compress(b'{"id":"a"}\n' * 50_000))), lambda: "never"))) == 50_000


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: b"x" + whole, lambda whole: whole + b"x"])
def test_a_damaged_gzip_is_refused(damage):
    with pytest.raises(InvalidRequest, match="is not whole"):
        expanded(damage(gzip.compress(b'{"id":"a"}\n' * 1000))).read()


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_what_stands_before_the_damage_of_a_gzip_is_read(size):
    packed = gzip.compress(b'{"id":"a"}\n' * size, compresslevel=0)
    for damaged in (packed[: len(packed) // 2], packed[:-8] + b"\x00" * 8):
        content = zlib.decompressobj(wbits=-15).decompress(damaged[10:])
        source = ReadableItems(json_items(Lines(expanded(damaged)), lambda: "never"))
        assert len(list(source)) == content.count(b"\n")
        assert "it is not whole: the gzip" in (source.reason or "")


def test_too_many_random_items_are_refused_in_step_functions_before_any_is_made(monkeypatch):
    monkeypatch.setitem(settings.VARIABLES, "MAX_ITEMS", "1000000")
    assert batcher.survey(BatchRequest(items=1_000_000)).items == 1_000_000
    with pytest.raises(InvalidRequest, match="items: at least 100,000,000, and the stack's MaxItems is 1,000,000: "):
        batcher.survey(BatchRequest(items=100_000_000))


def test_the_number_of_items_in_a_file_is_not_known_before_it_is_read():
    place = InputObject("a-bucket", "input/a.jsonl", "etag")
    assert Extent(length=100, items=100).expected(BatchRequest(input=place)) is None
    assert Extent(length=100, items=100).expected(BatchRequest(items=100)) == 100
    assert Extent(length=None, items=100).expected(BatchRequest(items=100)) is None
