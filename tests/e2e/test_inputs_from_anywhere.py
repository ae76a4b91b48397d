"""Items from several files, from objects of the input bucket and from standard input, in both architectures."""

import gzip
import io
import json

import pytest

from sandbox.state import Sandbox
from tests.e2e.command_line import ARCHITECTURES, Rollcall, new_id
from tests.e2e.stacks import Stacks


@pytest.fixture(scope="module")
def rollcall(sandbox: Sandbox, stacks: Stacks, tmp_path_factory: pytest.TempPathFactory) -> Rollcall:
    """The command line for the stacks under test, in an empty folder."""
    return Rollcall(sandbox, stacks.suffix, tmp_path_factory.mktemp("inputs"))


def put(stacks: Stacks, folder: str, objects: dict[str, bytes]) -> str:
    """Put objects below a folder of the input prefix; returns the folder's `s3://` name."""
    bucket, prefix = stacks.sqs["InputBucketName"], f"{stacks.sqs['InputPrefix']}{folder}/"
    for name, content in objects.items():
        stacks.aws("s3").put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=content)
    return f"s3://{bucket}/{prefix}"


@ARCHITECTURES
def test_several_files_are_one_batch_whose_failures_name_their_file_and_run_again(
    stacks: Stacks, rollcall: Rollcall, architecture
):
    batch = new_id()
    lines = f'{{"no":"6"}}\nno\n{{"no":"{batch}-7","do":"fail-once"}}\n'
    below = put(stacks, f"more-{batch}", {"c.tsv": b"no\tdo\n5\t\n", "d.jsonl": lines.encode()})
    (rollcall.folder / "a.csv").write_text(f"no;do\n1;\n{batch}-2;fail-once\n3\n")
    (rollcall.folder / "b.csv.gz").write_bytes(gzip.compress(b"no,do\n4,\n"))
    words = ("--input=a.csv", "--input=b.csv.gz", f"--input={below}", "--files", "--id-column=no")
    more = ("--max-attempts=1", "--items-per-chunk=2", f"--batch-id={batch}")
    ended = rollcall.json("run", architecture, *words, *more, expect=1)
    assert (ended["items"], ended["succeeded"], ended["failed"], ended["remaining"]) == (8, 4, 4, 0)
    failed = rollcall.json("failures", batch)["failures"]
    places = {entry["item"]["id"]: (entry.get("file"), entry.get("line") or entry.get("byte")) for entry in failed}
    assert places["file-1-line-4"] == ("a.csv", 4)
    assert places["file-4-byte-11"] == ("d.jsonl", 11)
    rollcall("failures", batch, f"--as-input={batch}.jsonl")
    fixed = rollcall.json("run", architecture, f"--input={batch}.jsonl")
    assert (fixed["status"], fixed["items"]) == ("SUCCEEDED", 2)
    again = rollcall.json("redrive", batch, "--error=RuntimeError*", expect=1)
    assert (again["succeeded"], again["failed"]) == (2, 2)


@ARCHITECTURES
def test_each_object_below_a_prefix_is_an_item(stacks: Stacks, rollcall: Rollcall, architecture):
    batch, long = new_id(), "x" * 300
    names = ["a b+c%.jpg", "sub/\u00e4 \u6f22.png", long]
    below = put(stacks, f"photos-{batch}", {**dict.fromkeys(names, b"12345"), "sub/": b""})
    ended = rollcall.json("run", architecture, f"--input={below}", f"--batch-id={batch}", "--items-per-chunk=2")
    assert (ended["status"], ended["items"]) == ("SUCCEEDED", 3)
    prefix = f"{stacks.sqs['InputPrefix']}photos-{batch}/"
    found = stacks.results(batch)
    assert {item["key"]: item["size"] for item in found.values()} == {prefix + name: 5 for name in names}
    assert all(item_id == item["key"] for item_id, item in found.items() if len(item["key"]) <= 256)
    assert all(item["bucket"] == stacks.sqs["InputBucketName"] for item in found.values())


@ARCHITECTURES
def test_an_object_of_the_input_bucket_and_standard_input_are_read(
    stacks: Stacks, rollcall: Rollcall, architecture, monkeypatch: pytest.MonkeyPatch
):
    batch = new_id()
    below = put(stacks, batch, {"mine.ndjson": b'{"n":1}\n{"n":2}\n', "none.csv": b"no\n1\n"})
    rollcall.json("run", architecture, f"--input={below}mine.ndjson", "--line-ids", f"--batch-id={batch}")
    assert stacks.results(batch) == {"1": {"id": "1", "n": 1}, "2": {"id": "2", "n": 2}}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps({"id": "a"}).encode())))
    ended = rollcall.json("run", architecture, "--input=-")
    assert (ended["status"], ended["items"]) == ("SUCCEEDED", 1)


@ARCHITECTURES
def test_each_object_of_an_inventory_is_an_item(stacks: Stacks, rollcall: Rollcall, architecture):
    batch = new_id()
    rows = ['"photos","a+b%2Bc.jpg","7"\n', '"photos","%C3%A4.png","8"\n', '"photos","c.txt","9"\n']
    parts = {f"data/{number}.csv.gz": gzip.compress(row.encode()) for number, row in enumerate(rows)}
    below = put(stacks, f"inventory-{batch}", parts)
    prefix = below.removeprefix(f"s3://{stacks.sqs['InputBucketName']}/")
    files = [{"key": prefix + name, "size": len(content)} for name, content in parts.items()]
    manifest = {"fileFormat": "CSV", "fileSchema": "Bucket, Key, Size", "files": files}
    put(stacks, f"inventory-{batch}", {"manifest.json": json.dumps(manifest).encode()})
    ended = rollcall.json("run", architecture, f"--input={below}manifest.json", f"--batch-id={batch}")
    assert (ended["status"], ended["items"]) == ("SUCCEEDED", 3)
    assert stacks.results(batch)["a b+c.jpg"] == {
        "id": "a b+c.jpg", "bucket": "photos", "key": "a b+c.jpg", "size": "7",
    }  # fmt: skip
    assert sorted(stacks.results(batch)) == ["a b+c.jpg", "c.txt", "\u00e4.png"]


def test_what_cannot_be_an_input_of_the_bucket_is_said_before_anything_runs(stacks: Stacks, rollcall: Rollcall):
    below = put(stacks, new_id(), {"none.csv": b"no\n1\n"})
    bucket = stacks.sqs["InputBucketName"]
    for name, said in {
        f"{below}none.csv": "line 1: the header must name a column id: found 'no'",
        f"{below}missing.csv": "there is no such object\nfor all objects below it, end it with /",
        f"{below}missing/": "there is no object below it",
        f"s3://{bucket}/elsewhere/a.csv": f"the stack reads s3://{bucket}/{stacks.sqs['InputPrefix']} alone",
        f"s3://{bucket}": f"the stack reads s3://{bucket}/{stacks.sqs['InputPrefix']} alone",
        "s3://other/input/a.csv": "alone\ncopy it there",
    }.items():
        _, err = rollcall("run", "sqs", "--input", name, expect=2)
        assert said in err
