"""An S3 Inventory is an input: each object that it lists is an item."""

import gzip
import json
from itertools import pairwise

import pytest

from handlers import source
from handlers.aws import input_object, settings
from handlers.core.batch import BatchRequest, InputObject, InvalidRequest
from handlers.core.files.inventory import manifest_of
from handlers.core.files.look import look
from handlers.core.files.unreadable import Unreadable
from handlers.core.reading import Reading
from handlers.core.rejected import ERROR_KEY
from tests.unit.test_listed_files import BUCKET, S3

KEY = "input/inventory/photos/all/2026-11-25T01-00Z/manifest.json"
MANIFEST = InputObject(BUCKET, KEY)
SCHEMA = "Bucket, Key, Size, LastModifiedDate, ETag"


def part(*keys: str) -> bytes:
    """A file of an inventory: without a header, every field in quotes."""
    rows = (f'"photos","{key}","7","2026-11-24T00:00:00.000Z","0123"\n' for key in keys)
    return gzip.compress("".join(rows).encode())


def manifest(parts: dict[str, bytes], **changes: object) -> bytes:
    files = [{"key": key, "size": len(content), "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}
             for key, content in parts.items()]  # fmt: skip
    whole = {
        "sourceBucket": "photos", "destinationBucket": f"arn:aws:s3:::{BUCKET}", "version": "2016-11-30",
        "creationTimestamp": "1700000000000", "fileFormat": "CSV", "fileSchema": SCHEMA, "files": files,
    }  # fmt: skip
    return json.dumps(whole | changes).encode()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    parts = {
        "input/inventory/photos/all/data/1.csv.gz": part("a+b%2Bc.jpg", "%C3%A4/%E6%BC%A2.png"),
        "input/inventory/photos/all/data/2.csv.gz": part("x" * 400, "a%22%2C.txt"),
    }
    fake = S3(parts | {KEY: manifest(parts)})
    monkeypatch.setitem(settings.VARIABLES, "INPUT_BUCKET", BUCKET)
    monkeypatch.setitem(settings.VARIABLES, "INPUT_PREFIX", "input/")
    monkeypatch.setattr(input_object, "input_s3", lambda: fake)
    return fake


def test_each_object_of_an_inventory_is_an_item_under_its_own_key(s3: S3):
    request, extent = source.survey(BatchRequest(input=MANIFEST))
    found = list(source.items(request, "b"))
    assert [item["key"] for item in found] == ["a b+c.jpg", "\u00e4/\u6f22.png", "x" * 400, 'a",.txt']
    assert [item["id"] for item in found if len(item["key"]) <= 256] == [found[at]["key"] for at in (0, 1, 3)]
    assert found[2]["id"].startswith("xxx")
    assert len(found[2]["id"]) == 256
    assert found[0] | {"id": 0, "key": 0} == {
        "id": 0, "key": 0, "bucket": "photos", "size": "7", "lastModifiedDate": "2026-11-24T00:00:00.000Z",
        "eTag": "0123",
    }  # fmt: skip
    assert extent.length == sum(len(content) for key, content in s3.objects.items() if key != KEY)
    parts = [list(source.items(request, "b", *cut)) for cut in pairwise(range(0, extent.length + 60, 60))]
    assert [item for some in parts for item in some] == found
    assert list(source.items(request, "b", skip=3)) == found[3:]


def test_a_file_of_an_inventory_that_is_another_one_ends_the_batch(s3: S3):
    request, _ = source.survey(BatchRequest(input=MANIFEST))
    s3.objects["input/inventory/photos/all/data/2.csv.gz"] = part("y")
    with pytest.raises(InvalidRequest, match=r"2.csv.gz has changed: it has"):
        list(source.items(request, "b"))


def test_a_row_that_is_none_is_rejected_with_its_file(s3: S3):
    parts = {"input/1.csv.gz": gzip.compress(b'"photos","a"\n')}
    s3.objects |= parts | {KEY: manifest(parts)}
    (row,) = source.items(BatchRequest(input=MANIFEST), "b")
    assert (row["id"], row["$at"]) == ("file-1-line-1", {"file": 1, "line": 1})
    assert "2 fields where the header has 5 (bucket, key, size" in row[ERROR_KEY]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[1]", "it has no fileFormat, which the manifest of an S3 Inventory has; if it is an array of items, add --"),
        (b"id,name", "it is no JSON, expected the manifest of an S3 Inventory"),
        (manifest({}, fileFormat="Parquet"), "its fileFormat is 'Parquet', expected 'CSV'; configure the inventory"),
        (manifest({}, fileSchema="Bucket, Size"), "its fileSchema names no Key: 'Bucket, Size'"),
        (manifest({}, files=[{"key": "a"}]), 'its file 1 has no key and size: \'{"key": "a"}\''),
    ],
)
def test_a_manifest_that_is_none_says_what_was_found(s3: S3, content: bytes, said: str):
    s3.objects[KEY] = content
    with pytest.raises(Unreadable) as refused:
        source.survey(BatchRequest(input=MANIFEST))
    assert said in str(refused.value)


def test_only_a_file_of_that_name_of_which_nothing_is_said_is_a_manifest(s3: S3):
    s3.objects[KEY] = b'[{"id":"a"}]'
    said = InputObject(BUCKET, KEY, reading=Reading(format="json"))
    request, _ = source.survey(BatchRequest(input=said))
    assert list(source.items(request, "b")) == [{"id": "a"}]
    assert look("other-manifest.json", b'[{"id":"a"}]')
    s3.objects["input/all.json"] = manifest({})
    named = InputObject(BUCKET, "input/all.json", reading=Reading(format="inventory"))
    assert list(source.items(source.survey(BatchRequest(input=named))[0], "b")) == []


def test_files_elsewhere_are_not_read(s3: S3):
    s3.objects[KEY] = manifest({"inventory/1.csv.gz": part("a")})
    with pytest.raises(InvalidRequest, match=r"'inventory/1.csv.gz' must begin with input/, the stack's InputPrefix"):
        source.survey(BatchRequest(input=MANIFEST))
    assert manifest_of(manifest({})).files == []
