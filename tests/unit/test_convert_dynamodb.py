"""An export of DynamoDB becomes items in both of its formats, and a part that is missing or damaged is noticed."""

import functools
import gzip
import json
from base64 import b64encode
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands import Cli, refused
from tests.unit.convert import converted

# An item of every type, as DynamoDB writes it in both formats.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
TYPED = {
    "pk": {"S": "a"}, "n": {"N": "600"}, "digits": {"N": "12345678901234567890123456789.12345678"}, "b": {"B": "AP8="},
    "yes": {"BOOL": True}, "none": {"NULL": True}, "ss": {"SS": ["x", "y"]}, "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": ["AP8="]}, "l": {"L": [{"S": "x"}, {"N": "2"}]}, "m": {"M": {"k": {"N": "0.1"}}},
}  # fmt: skip
ION = (
    '$ion_1_0 {Item:{pk:"a",n:6d2,digits:12345678901234567890123456789.12345678,b:{{AP8=}},yes:true,none:null,'
    'ss:$dynamodb_SS::["x","y"],ns:$dynamodb_NS::[1.,2.5],bs:$dynamodb_BS::[{{AP8=}}],l:["x",2.],m:{k:0.1}}}\n'
)
LINE = (
    '{"id":"a","pk":"a","n":600,"digits":12345678901234567890123456789.12345678,"b":"AP8=","yes":true,"none":null,'
    '"ss":["x","y"],"ns":[1,2.5],"bs":["AP8="],"l":["x",2],"m":{"k":0.1}}\n'
)


# The same bytes at all times: they name a test.
packed = functools.partial(gzip.compress, mtime=0)


def json_part(*items: dict[str, Any]) -> bytes:
    return packed("".join(json.dumps({"Item": item}) + "\n" for item in items).encode())


def numbered(first: int, last: int) -> bytes:
    return json_part(*({"pk": {"N": str(number)}} for number in range(first, last)))


def export(folder: Path, parts: dict[str, tuple[bytes, int]]) -> Path:
    """An export as AWS lays it, of these parts with their numbers of items."""
    (folder / "data").mkdir(parents=True)
    lines = []
    for name, (content, count) in parts.items():
        (folder / "data" / name).write_bytes(content)
        checksum = b64encode(md5(content, usedforsecurity=False).digest()).decode()
        key = f"prefix/AWSDynamoDB/0169-a1/data/{name}"
        lines.append(json.dumps({"itemCount": count, "md5Checksum": checksum, "etag": "e-1", "dataFileS3Key": key}))
    (folder / "manifest-files.json").write_text("\n".join(lines) + "\n")
    (folder / "manifest-summary.json").write_text("{}")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "0169-a1"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json.gz", json_part(TYPED)),
        ("a.json", gzip.decompress(json_part(TYPED))),
        ("a.ion.gz", packed(ION.encode())),
        ("a.ion", ION.encode()),
    ],
)
def test_every_type_has_the_same_form_in_json_from_both_formats(cli: Cli, tmp_path: Path, name: str, content: bytes):
    part = tmp_path / name
    part.write_bytes(content)
    converted(cli, part, "--id-column", "pk")
    assert part.with_name(f"{name}.jsonl").read_text() == LINE


def test_all_parts_of_an_export_are_one_file_of_items_whichever_of_its_files_is_named(cli: Cli, folder: Path):
    empty, ion = packed(b""), packed(b"$ion_1_0 {Item:{pk:5.}}\n$ion_1_0 {Item:{pk:6d1}}\n")
    export(folder, {"a.json.gz": (numbered(0, 5), 5), "b.json.gz": (empty, 0), "c.ion.gz": (ion, 2)})
    for named in (folder, folder / "manifest-files.json", folder / "manifest-summary.json"):
        items = converted(cli, named, "--id-column", "pk", "--force")
        assert [item["id"] for item in items] == ["0", "1", "2", "3", "4", "5", "60"]


def test_the_new_file_has_the_name_of_the_old_one(cli: Cli, folder: Path):
    export(folder, {"a.json.gz": (numbered(0, 5), 5)})
    assert cli("convert", str(folder), "--line-ids")[0] == 0
    assert cli("convert", str(folder / "data" / "a.json.gz"), "--line-ids")[0] == 0
    assert sorted(path.name for path in Path().glob("*.jsonl")) == ["0169-a1.jsonl", "a.jsonl"]


def test_an_export_that_is_not_whole_is_refused_and_nothing_is_written(cli: Cli, folder: Path):
    export(folder, {"a.json.gz": (numbered(0, 5), 5), "b.json.gz": (numbered(5, 9), 3)})
    part = folder / "data" / "b.json.gz"

    def said(*names: str) -> None:
        refused(cli("convert", str(folder), "out.jsonl", "--id-column", "pk"), *names)
        assert not Path("out.jsonl").exists()

    said(str(part), "it has 4 items, expected 3 by the manifest\ncopy it anew")
    part.write_bytes(part.read_bytes()[:-9])
    said(str(part), "its MD5 is ", "expected ")
    part.unlink()
    said(str(part), "there is no such file, and the manifest lists it\ncopy the whole export: `aws s3 cp --recursive")
    (folder / "manifest-files.json").write_text("{}\n")
    said("manifest-files.json: it is damaged")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "a.json", b'{"Metadata":{},"Keys":{"pk":{"S":"a"}},"NewImage":{"pk":{"S":"a"}}}\n',
            "expected an Item: this is an incremental export, of changes\nexport the table anew, as a full export",
        ),
        ("a.json", b'{"Item":{"pk":{"S":"a"}}}\n{"Item":{"pk":{"X":"a"}}}\n', "a.json, line 2: found '{\"Item\""),
        ("a.json", b'{"Item":{"pk":{"N":"one"}}}\n', "a.json, line 1: found"),
        ("a.json", b'{"Item":{"pk":{"S":"a"}}}\n{"Item"', "a.json, line 2: found"),
        ("a.json.gz", json_part(TYPED)[:-9], "the gzip is damaged or ends in the middle"),
        ("a.ion", b"$ion_1_0 {Keys:{pk:1.}}\n", "value 1: expected an Item of a full export of DynamoDB, in Ion"),
        ("a.ion", b"$ion_1_0 {Item:{pk:1.}} {Item:{", "value 2: expected an Item"),
        ("a.json", b'{"Item":{"sk":{"S":"a"}}}\n', "item 1: there is no column 'pk', found 'sk'"),
        ("a.json", b'{"Item":{"pk":{"S":"a"},"id":{"S":"b"}}}\n', "item 1: there is a column 'id' besides"),
    ],
)  # fmt: skip
def test_a_part_with_anything_else_is_refused_with_its_place(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, said: str
):
    monkeypatch.chdir(tmp_path)
    part = tmp_path / name
    part.write_bytes(content)
    refused(cli("convert", str(part), "--id-column", "pk"), said)
    assert list(tmp_path.iterdir()) == [part]
