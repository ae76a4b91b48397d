"""Several files as one input: each item is in one part of the extent, whatever the files are."""

import functools
import gzip
import io
import json
import re
from collections.abc import Mapping
from hashlib import md5
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from handlers import source
from handlers.aws import input_object, listed_files, settings
from handlers.core.batch import BatchRequest, InputObject, InvalidRequest
from handlers.core.files.unreadable import Unreadable
from handlers.core.reading import Reading
from handlers.core.rejected import ERROR_KEY

# The same bytes at all times: they name a test.
packed = functools.partial(gzip.compress, mtime=0)
BUCKET = "mine"
LIST = InputObject(BUCKET, "input/files.jsonl", listed=True)


class S3:
    """Objects as GetObject answers them."""

    def __init__(self, objects: Mapping[str, bytes], packed: tuple[str, ...] = ()):
        self.objects = dict(objects)
        self.packed = packed

    def get_object(self, Bucket: str, Key: str, Range: str = "bytes=0-", IfMatch: str = "") -> dict[str, Any]:
        assert Bucket == BUCKET
        content, start = self.objects.get(Key), int(Range.removeprefix("bytes=").removesuffix("-"))
        if content is None or (IfMatch and IfMatch != etag(content)):
            status, code = (404, "NoSuchKey") if content is None else (412, "PreconditionFailed")
            answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, "GetObject")  # type: ignore[arg-type]
        body, about = content[start:], {"ContentEncoding": "gzip"} if Key in self.packed else {}
        return {"Body": io.BytesIO(body), "ContentLength": len(body), "ETag": etag(content)} | about

    def list_them(self) -> None:
        keys = [key for key in self.objects if key != LIST.key]
        lines = ({"key": key, "size": len(self.objects[key]), "etag": etag(self.objects[key])} for key in keys)
        self.objects[LIST.key] = "".join(json.dumps(line) + "\n" for line in lines).encode()


def etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


@pytest.fixture(autouse=True)
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    fake = S3({})
    monkeypatch.setitem(settings.VARIABLES, "INPUT_BUCKET", BUCKET)
    monkeypatch.setitem(settings.VARIABLES, "INPUT_PREFIX", "input/")
    monkeypatch.setattr(input_object, "input_s3", lambda: fake)
    return fake


def put(s3: S3, *contents: tuple[str, bytes], packed: tuple[str, ...] = ()) -> None:
    """Have these objects and a list of them."""
    s3.objects = {f"input/{name}": content for name, content in contents}
    s3.packed = tuple(f"input/{name}" for name in packed)
    s3.list_them()


def items(first: int = 0, last: int | None = None, skip: int = 0, reading: Reading | None = None) -> list[dict]:
    request = BatchRequest(input=InputObject(BUCKET, LIST.key, None, reading or Reading(), listed=True))
    return list(source.items(request, "b", first, last, skip))


IDS = st.lists(st.integers(0, 99), max_size=6)
KINDS = st.sampled_from(["jsonl", "csv", "csv.gz", "utf-16.jsonl", "packed.jsonl", "tsv"])


def content_of(kind: str, ids: list[int]) -> bytes:
    if kind.endswith("jsonl"):
        text = "".join(f'{{"id":"{number}"}}\n' for number in ids)
        return gzip.compress(text.encode()) if "packed" in kind else text.encode("utf-16" if "16" in kind else "utf-8")
    text = "id\tn\n" if kind == "tsv" else "id,n\n"
    text += "".join(f"{number}{text[2]}x\n" for number in ids)
    return gzip.compress(text.encode()) if kind.endswith("gz") else text.encode()


@hypothesis_settings(deadline=None)
@given(files=st.lists(st.tuples(KINDS, IDS), max_size=5), cuts=st.sets(st.integers(1, 400)), skip=st.integers(0, 9))
def test_however_the_extent_of_several_files_is_cut_every_item_is_in_one_part(files, cuts, skip):
    fake = S3({})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(input_object, "input_s3", lambda: fake)
        named = [(f"{number}.{kind}", content_of(kind, ids)) for number, (kind, ids) in enumerate(files)]
        put(fake, *named, packed=tuple(name for name, _ in named if "packed" in name))
        everything = items()
        assert [item["id"] for item in everything] == [str(number) for _, ids in files for number in ids]
        _, extent = source.survey(BatchRequest(input=LIST))
        assert extent.length == sum(max(1, len(content)) for _, content in named)
        borders = [0, *sorted(cut for cut in cuts if cut < extent.length), extent.length]
        parts = [items(first, last) for first, last in pairwise(borders)]
        assert [item for part in parts for item in part] == everything
        assert items(skip=skip) == everything[skip:]
        for (first, last), part in zip(pairwise(borders), parts, strict=True):
            assert items(first, last, skip) == part[skip:]


@pytest.mark.parametrize(
    ("name", "content", "reading", "cut"),
    [
        ("a.jsonl", b'{"id":"a"}\n', Reading(), True),
        ("a.ndjson", b'\xef\xbb\xbf{"id":"a"}\n', Reading(encoding="utf-8"), True),
        ("a.jsonl", '{"id":"a"}\n'.encode("utf-16"), Reading(), False),
        ("a.jsonl", '{"id":"a"}\n'.encode("utf-16-le"), Reading(encoding="utf-16-le"), False),
        ("a.jsonl", b'{"n":"a"}\n', Reading(line_ids=True), False),
        ("packed.jsonl", packed(b'{"id":"a"}\n'), Reading(), False),
        ("a.jsonl.gz", packed(b'{"id":"a"}\n'), Reading(), False),
        ("a.json", b'{"id":"a"}\n', Reading(), False),
        ("a.csv", b"id\na\n", Reading(), False),
    ],
)
def test_only_plain_json_lines_are_cut(s3: S3, name: str, content: bytes, reading: Reading, cut: bool):
    put(s3, (name, content), packed=("packed.jsonl",))
    request = BatchRequest(input=InputObject(BUCKET, f"input/{name}", reading=reading))
    _, extent = source.survey(request)
    assert extent.length == (len(content) if cut else None)
    assert len(list(source.items(request, "b", 0, extent.length, 0))) == 1


def test_a_line_that_is_no_item_and_an_id_that_is_a_number_name_their_file(s3: S3):
    put(s3, ("a.csv", b"n\nx\ny,z\n"), ("b.csv", b"n\nx\n"))
    first, bad, second = items(reading=Reading(line_ids=True))
    assert (first, second) == ({"id": "1:2", "n": "x"}, {"id": "2:2", "n": "x"})
    assert (bad["id"], bad["$at"]) == ("file-1-line-3", {"file": 1, "line": 3})
    put(s3, ("a.jsonl", b'{"id":"a"}\n'), ("b.jsonl", b'{"id":"b"}\nno\n'))
    bad = items(11, 25)[-1]
    assert (bad["id"], bad["$at"]) == ("file-2-byte-11", {"file": 2, "byte": 11})


def test_a_file_that_breaks_off_keeps_no_other_from_being_read(s3: S3):
    put(s3, ("a.csv", b'id\n1\n"2\n3\n'), ("b.csv", b"no\n4\n"), ("c.csv", b"id\n5\n"))
    found = source.items(BatchRequest(input=LIST), "b")
    assert [next(found)["id"], next(found)["id"]] == ["1", "5"]
    with pytest.raises(Unreadable, match=r"input: s3://mine/input/a.csv: the row at line 3 cannot be read"):
        next(found)


def test_the_first_file_is_looked_at_before_anything_is_processed(s3: S3):
    put(s3, ("a.csv", b"no\n4\n"), ("b.csv", b"id\n5\n"))
    with pytest.raises(Unreadable, match=r"input: s3://mine/input/a.csv, line 1: the header must name a column id"):
        source.survey(BatchRequest(input=LIST))


@pytest.mark.parametrize("change", [b"id\n2\n", b"id\n1\n2\n", None])
def test_a_file_that_changes_after_it_was_listed_ends_the_batch(s3: S3, change: bytes | None):
    put(s3, ("a.csv", b"id\n1\n"), ("b.csv", b"id\n1\n"))
    request, _ = source.survey(BatchRequest(input=LIST))
    s3.objects["input/b.csv"] = change or b""
    if change is None:
        del s3.objects["input/b.csv"]
    with pytest.raises(InvalidRequest, match=r"b.csv changed while it was read|there is no such object"):
        list(source.items(request, "b"))


def test_the_list_is_pinned_and_a_list_of_nothing_has_no_items(s3: S3):
    put(s3)
    request, extent = source.survey(BatchRequest(input=LIST))
    assert (extent.length, items()) == (0, [])
    put(s3, ("a.csv", b"id\n1\n"))
    with pytest.raises(InvalidRequest, match=r"files.jsonl changed while it was read"):
        list(source.items(request, "b"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"a.csv", "files.jsonl, line 2: 'a.csv' must be a file"),
        (b'{"key":"input/a.csv","size":-1,"etag":"x"}', "must be a file"),
        (b'{"key":"input/a.csv","size":true,"etag":"x"}', "must be a file"),
        (b'["key","size","etag"]', "must be a file"),
        (b'{"key":"code/a.csv","size":1,"etag":"x"}', "'code/a.csv' must begin with input/, the stack's InputPrefix"),
        (b'{"key":"input/a.doc","size":1,"etag":"x"}', "input: s3://mine/input/a.doc: its name must end in"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_line(s3: S3, line: bytes, said: str):
    put(s3, ("a.csv", b"id\n1\n"))
    s3.objects[LIST.key] += line + b"\n"
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        source.survey(BatchRequest(input=LIST))


@pytest.mark.parametrize(
    ("name", "said", "packed"),
    [
        ("a.csv", "", False),
        ("a.csv", "aws-chunked", False),
        ("a.csv", "identity", False),
        ("a.csv", "aws-chunked, GZIP", True),
        ("a.csv.gz", "", True),
        ("a.csv.gz", "gzip", True),
    ],
)
def test_an_object_is_packed_as_its_name_or_s3_says(name: str, said: str, packed: bool):
    assert input_object.is_packed(InputObject(BUCKET, name), {"ContentEncoding": said}) is packed


def test_a_list_is_no_longer_than_it_may_be(s3: S3, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listed_files, "MAX_FILES", 1)
    put(s3, ("a.csv", b"id\n1\n"), ("b.csv", b"id\n1\n"))
    with pytest.raises(InvalidRequest, match=r"files.jsonl lists more than 1 files: join them"):
        source.survey(BatchRequest(input=LIST))


def test_a_list_is_no_larger_than_it_may_be(s3: S3, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listed_files, "MAX_LIST_BYTES", 100)
    put(s3, ("a.csv", b"id\n1\n"), ("b.csv", b"id\n1\n"))
    with pytest.raises(InvalidRequest, match="a list has at most 100 bytes"):
        source.survey(BatchRequest(input=LIST))


def test_the_encoding_is_that_of_the_files_and_not_of_their_list(s3: S3):
    put(s3, ("\u00e4.csv", "id,n\n1,\u00e4\n".encode("utf-16-le")))
    assert items(reading=Reading(encoding="utf-16-le")) == [{"id": "1", "n": "\u00e4"}]
    assert not [item for item in items(reading=Reading(encoding="utf-16-le")) if ERROR_KEY in item]
