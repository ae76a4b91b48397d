"""The file of `rollcall run --input` is looked at before anything is asked for, and named with what was found."""

import functools
import gzip
import io
import json
import os
from pathlib import Path

import pytest
from botocore.response import StreamingBody

from handlers.core.batch import BatchRequest, InputObject
from rollcall.batches.batch import Batches, OneBatch, Result
from rollcall.batches.places import Places, line_numbers, only_rejected, places_in
from rollcall.batches.redrivable import is_hopeless, refuse_unless_redrivable
from rollcall.commands.failures import failure_line
from rollcall.target.target import SandboxTarget
from rollcall.views.summary import next_commands
from tests.unit.commands import NOWHERE, Cli, refused

# The same bytes at all times: they name a test.
packed = functools.partial(gzip.compress, mtime=0)
GOOD = b"id,name\n1,Ann\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("space.csv", b"id name\n1 Ann\n", "line 1: the header must name a column id: found 'id name': the fields"),
        (
            "other.jsonl",
            b'{"custom_id":"a"}\n',
            "no object at the beginning of the file has the field 'id': the first has",
        ),
        ("hdr_dup.csv", b"id,name,name\n", "line 1: the header names a column twice: 'name' is column 2 and 3"),
        ("cp1252.csv", b"id,gr\xfc\xdfe\n", "line 1: the header is not UTF-8: byte 0xFC after 'id,gr'"),
        (
            "utf16.jsonl",
            '{"id":"a"}'.encode("utf-16-le"),
            "found UTF-16-LE without a byte order mark, expected UTF-8\nsave",
        ),
        ("array.jsonl", b'[{"id":"a"}]', "line 1: found a JSON array"),
        ("zip.csv", b"PK\x03\x04\x14\x00", "found a zip archive, expected lines of text\nunpack it"),
        ("empty.csv.gz", b"", "it is empty, 0 bytes, expected gzip"),
        ("packed.csv", packed(GOOD), "found gzip, expected lines of text\nend its name in .gz"),
        ("orders.TSV", GOOD, "found 'id,name': the fields are separated by commas\nadd --delimiter ','"),
        (
            "orders.txt",
            GOOD,
            "its name must end in .jsonl, .ndjson, .json, .csv or .tsv, perhaps with .gz\nsay what it is with",
        ),
    ],
)
def test_a_file_that_is_none_of_items_is_refused_before_it_is_uploaded(
    cli: Cli, tmp_path: Path, name: str, content: bytes, said: str
):
    path = tmp_path / name
    path.write_bytes(content)
    refused(cli("run", "sqs", "--input", str(path), *NOWHERE), f"--input {path}", said)


@pytest.mark.parametrize(
    ("name", "content", "remark"),
    [
        ("orders.CSV", GOOD, ""),
        ("Orders.Jsonl.GZ", packed(b'{"id":"a"}\n'), ""),
        ("empty.csv", b"", "there is no item in it"),
        ("header.csv", b"id,name\n", "there is no item in it"),
    ],
)
def test_a_file_of_items_is_taken_whatever_the_case_of_its_ending(
    cli: Cli, tmp_path: Path, name: str, content: bytes, remark: str
):
    path = tmp_path / name
    path.write_bytes(content)
    code, _, err = cli("run", "sqs", "--input", str(path), *NOWHERE)
    assert (code, "no sandbox answers" in err) == (2, True)
    assert remark in err
    assert ("--input" in err) == bool(remark)


def test_what_is_no_file_is_called_what_it_is(cli: Cli, tmp_path: Path):
    link, nothing, empty = tmp_path / "link.csv", tmp_path / "no" / "file.csv", tmp_path / "empty"
    link.symlink_to("nowhere")
    empty.mkdir()
    for name, said in (
        ("s3://", "names no bucket"),
        ("/dev/null", "is a device or a socket"),
        (str(link), "is a link to nothing"),
        (str(nothing), "there is no such file"),
        (str(empty), "there is no file in the folder"),
        (str(tmp_path / ("x" * 300)), "it cannot be found: File name too long"),
    ):
        refused(cli("run", "sfn", "--input", name, *NOWHERE), f"--input {name}", said)


def taken(cli: Cli, *words: str) -> None:
    """The inputs are found good: all that is missing is a sandbox."""
    code, _, err = cli("run", "sqs", *words, *NOWHERE)
    assert (code, "no sandbox answers" in err) == (2, True), err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD, ()),
        (packed(GOOD), ()),
        (b'\xef\xbb\xbf{"id":"a"}\n', ()),
        ('{"id":"a"}\r\n'.encode("utf-16"), ()),
        (b' [{"id":"a"}]', ()),
        (packed(b'{"id":"a"}\n'), ()),
        (b"id name\n1 Ann\n", ("--delimiter", "space")),
        (b'"a"\n', ("--format", "csv", "--line-ids")),
    ],
)
def test_items_come_from_standard_input_and_from_pipes_too(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, content: bytes, said: tuple[str, ...]
):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    taken(cli, "--input", "-", *said)
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        taken(cli, "--input", f"/dev/fd/{reading}", *said)
    finally:
        os.close(reading)


def test_what_comes_from_standard_input_is_looked_at_too(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no,name\n1,Ann\n")))
    refused(cli("run", "sqs", "--input", "-", *NOWHERE), "the header must name a column id: found 'no', 'name'")


def test_several_files_and_those_of_a_folder_are_all_looked_at(cli: Cli, tmp_path: Path):
    for name in ("a.csv", "b.csv", ".hidden"):
        (tmp_path / name).write_bytes(GOOD)
    taken(cli, "--input", str(tmp_path / "a.csv"), "--input", str(tmp_path / "b.csv"))
    taken(cli, "--input", str(tmp_path))
    (tmp_path / "c.csv").write_bytes(b"no\n1\n")
    refused(cli("run", "sqs", "--input", str(tmp_path), *NOWHERE), f"--input {tmp_path}/c.csv, line 1: the header must")


def test_objects_that_are_items_are_joined_with_no_file_and_read_as_none(cli: Cli, tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(GOOD)
    prefix = ("--input", "s3://bucket/photos/")
    for more in (("--input", str(tmp_path / "a.csv")), ("--id-column", "no")):
        said = "each object below it is an item, of which no file is read\nadd --files to read"
        refused(cli("run", "sqs", *prefix, *more, *NOWHERE), "--input s3://bucket/photos/", said)
        taken(cli, *prefix, *more, "--files")
    taken(cli, *prefix)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--delimiter", "ab"), "Invalid value for --delimiter: 'ab' must be one character"),
        (("--encoding", "klingon"), "Invalid value for --encoding: 'klingon' must name an encoding of text"),
        (("--header", ""), "Invalid value for --header"),
        (("--header", "a,b,a"), "names the column 'a' twice"),
        (("--format", "xlsx"), "Invalid value for --format: 'xlsx' must be csv, jsonl, json or inventory"),
        (("--id-column", ""), "Invalid value for --id-column"),
        (("--id-column", "a", "--line-ids"), "--id-column/--line-ids: exclude each other"),
    ],
)
def test_an_option_that_says_nothing_of_a_file_is_refused_by_its_name(cli: Cli, tmp_path: Path, words, said):
    (tmp_path / "a.csv").write_bytes(GOOD)
    code, _, err = cli("run", "sqs", "--input", str(tmp_path / "a.csv"), *words, *NOWHERE)
    assert code == 2
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    "words", [["run", "sqs", "--input", "{}"], ["failures", "{}"], ["watch", "{}", "--port", "{}"]]
)
def test_a_name_that_is_not_utf_8_is_an_error_and_no_traceback(cli: Cli, tmp_path: Path, words: list[str]):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")
    Path(name).write_bytes(GOOD)
    code, _, err = cli(*(word.format(name) for word in words), *NOWHERE)
    assert code == 2
    assert "Traceback" not in err
    if words[0] == "run":
        assert "caf\\udce9.csv: its name is not UTF-8" in err


def test_a_byte_becomes_the_line_that_begins_there():
    content = b'{"id":"a"}\n\n{"id":"b"}\r\n' + b"x" * 50 + b"\nno\n"
    positions = [0, 12, 24, 75]
    for size in (1, 7, 25, 1000):
        blocks = [content[at : at + size] for at in range(0, len(content), size)]
        assert line_numbers(blocks, positions) == {0: 1, 12: 3, 24: 4, 75: 5}
    assert line_numbers([content], [10_000]) == {}


REJECTED = {"id": "byte-12", "$error": "no JSON", "$at": {"byte": 12}, "$text": "no\x1b[31m", "$id": "7"}
TOO_LARGE = {"id": "a", "$error": "larger than", "$at": {"line": 3}}


def test_a_failed_line_is_told_with_its_file_its_line_its_text_and_its_id():
    places = Places("orders.jsonl", {12: 3})
    entry = {"item": REJECTED, "error": "InvalidItem: no JSON", "attempts": 1}
    line = "orders.jsonl line 3 (id 7)  after 1 attempt: InvalidItem: no JSON: no\\x1b[31m"
    assert failure_line(entry, places) == line
    assert places.of(REJECTED) == {"file": "orders.jsonl", "line": 3}
    assert Places("orders.jsonl").title(REJECTED) == "orders.jsonl byte 12 (id 7)"
    assert places.title(TOO_LARGE) == "orders.jsonl line 3 (id a)"
    assert places.title({"id": "line-3", "$error": "", "$at": {"line": 3}}) == "orders.jsonl line 3"
    assert (places.title({"id": "b", "value": 1}), places.of({"id": "b"})) == ("b", {})


def test_of_several_files_a_line_is_told_with_its_file():
    listed = InputObject("bucket", "input/b/files.jsonl", listed=True)
    content = "".join(
        json.dumps({"key": f"input/b/1/{name}", "size": 9}) + "\n" for name in ("a.csv", "b.csv")
    ).encode()
    bad = {"id": "file-2-line-3", "$error": "no", "$at": {"file": 2, "line": 3}, "$id": "7"}

    class Bucket:
        def get_object(self, **_: str) -> dict:
            return {"Body": StreamingBody(io.BytesIO(content), len(content))}

    batches = Recorded(bad, source=listed)
    batches.input_s3 = Bucket  # type: ignore[method-assign]
    places = places_in(OneBatch(batches, "b"), [{"item": bad}, {"item": {"id": "a"}}])
    assert places.of(bad) == {"file": "b.csv", "line": 3}
    assert places.title(bad) == "b.csv line 3 (id 7)"
    assert Places().title(bad) == "file 2 line 3 (id 7)"
    assert bad["$at"] == {"file": 2, "line": 3}


class Recorded(Batches):
    """A batch of which these items have failed."""

    architecture = "sqs"

    def __init__(self, *items: dict, source: InputObject | None = None):
        self.items = items
        self.source = source

    def failed_items(self, batch_id: str, generation: int = 1):
        return iter([{"item": item, "error": "no", "attempts": 1} for item in self.items])

    def request(self, batch_id: str) -> BatchRequest:
        return BatchRequest(input=self.source)


def test_a_redrive_is_offered_only_where_it_can_help():
    lines, mixed = OneBatch(Recorded(REJECTED, TOO_LARGE), "b"), OneBatch(Recorded(REJECTED, {"id": "b"}), "b")
    assert (only_rejected(lines), only_rejected(mixed)) == (True, False)
    failed = Result("b", "sqs", "FAILED", items=2, failed=2, remaining=0)
    assert (is_hopeless(lines, failed), is_hopeless(mixed, failed)) == (True, False)
    assert not is_hopeless(lines, Result("b", "sqs", "FAILED", items=2, failed=2, remaining=1))
    assert list(next_commands(failed, SandboxTarget(), hopeless=True)) == ["rollcall failures b"]
    assert "rollcall redrive b" in next_commands(failed, SandboxTarget())


def test_an_input_that_broke_off_is_mended_and_not_redriven():
    reason = "input: s3://b/a.csv: the row at line 4 ...; what follows was not read"
    ended = Result("b", "sqs", "FAILED", items=2, succeeded=2, failed=0, remaining=0, reason=reason)
    with pytest.raises(Exception, match="nothing to redrive: what was read of its input succeeded"):
        refuse_unless_redrivable(OneBatch(Recorded(), "b"), ended)


def test_only_the_bytes_of_json_lines_need_the_file_to_be_read():
    def never():
        raise AssertionError
        yield

    assert places_in(OneBatch(Recorded(), "b"), never()) == Places()
    csv = Recorded(source=InputObject("bucket", "input/b/orders.CSV"))
    assert places_in(OneBatch(csv, "b"), never()) == Places("orders.CSV")
    lines = Recorded(source=InputObject("bucket", "input/b/orders.jsonl"))
    assert places_in(OneBatch(lines, "b"), [{"item": {"id": "a"}}]) == Places("orders.jsonl")
