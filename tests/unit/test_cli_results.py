"""`rollcall results`: each item's result once, as lines of JSON, JSON or CSV."""

import csv
import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bootstrap.problem import Problem
from rollcall.batches.batch import OneBatch, Progress, Result
from rollcall.batches.results import Results, results_of
from rollcall.commands.results import write_csv, write_json, write_lines
from rollcall.target.connection import Stack


class Bucket:
    """A bucket with these objects; as a client of S3."""

    def __init__(self, **objects: Any) -> None:
        self.objects = objects

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}]


def stored(complete: bool = True, manifest: bool = True, **chunks: dict[str, Any]) -> Bucket:
    """`g1_000_1={"a": 1}` is an object of generation 1, of chunk 000, of its first attempt."""
    objects: dict[str, bytes] = {}
    for name, results in chunks.items():
        generation, chunk, attempt = name[1:].split("_")
        lines = "".join(json.dumps({"id": item, "result": result}) + "\n" for item, result in results.items())
        objects[f"results/b-1/{generation}/{chunk}-{attempt}.jsonl"] = lines.encode()
    for generation in {key.split("/")[2] for key in objects} if manifest else ():
        keys = sorted(key for key in objects if key.startswith(f"results/b-1/{generation}/"))
        listed = keys if complete else keys[:1]
        body = {"objects": [{"key": key, "bytes": 1} for key in listed], "complete": complete}
        objects[f"results/b-1/{generation}/manifest.json"] = json.dumps(body).encode()
    return Bucket(**objects)


def read(bucket: Bucket, first: int = 1, last: int = 1) -> list[tuple[str, Any]]:
    lines = Results(bucket, "mine", "b-1", range(first, last + 1)).lines()
    return [(line["id"], line["result"]) for line in lines]


def test_every_object_of_the_manifest_is_read_in_order() -> None:
    bucket = stored(g1_000_1={"a": 1, "b": None}, g1_001_1={"c": {"x": 2}})
    assert read(bucket) == [("a", 1), ("b", None), ("c", {"x": 2})]


@pytest.mark.parametrize("how", [{"complete": False}, {"manifest": False}], ids=str)
def test_without_a_complete_manifest_the_objects_are_listed(how: dict[str, bool]) -> None:
    assert read(stored(**how, g1_000_1={"a": 1}, g1_001_1={"b": 2})) == [("a", 1), ("b", 2)]  # type: ignore[arg-type]


def test_an_item_that_was_processed_again_has_its_later_result() -> None:
    bucket = stored(g1_000_1={"a": "before the crash", "b": 2}, g1_000_2={"a": "after it"}, g1_001_1={"c": 3})
    assert read(bucket) == [("b", 2), ("a", "after it"), ("c", 3)]


def test_the_latest_generation_comes_first_and_wins_and_one_can_be_read_alone() -> None:
    bucket = stored(g1_000_1={"a": "old", "b": 2}, g2_000_1={"a": "new"})
    assert read(bucket, last=2) == [("a", "new"), ("b", 2)]
    assert read(bucket) == [("a", "old"), ("b", 2)]
    assert read(bucket, first=2, last=2) == [("a", "new")]


def test_a_batch_without_results_has_none() -> None:
    assert read(Bucket()) == []


def stack(results_bucket: str) -> Any:
    """What `results_of` asks a connection for."""
    outputs = {"FinalizerQueueUrl": "http://127.0.0.1:4566/queue/us-east-1/000000000000/finalizer"}
    parameters = {"ResultsBucket": results_bucket}
    return SimpleNamespace(
        endpoint="e", stack=lambda _: Stack("SqsBatches", outputs, parameters), s3=lambda owner: owner
    )


def batch_that(seen: Progress | Result) -> OneBatch:
    batches = SimpleNamespace(architecture="sqs", observe=lambda *_: seen)
    return OneBatch(batches, "b-1", 3)  # type: ignore[arg-type]


def test_a_stack_without_a_bucket_and_a_batch_that_runs_have_no_results_yet() -> None:
    running, ended = batch_that(Progress("processing", 10, 5, 0)), batch_that(Result("b-1", "sqs", "FAILED"))
    with pytest.raises(Problem, match="stack SqsBatches collects no results: its parameter ResultsBucket is empty"):
        results_of(stack(""), ended, only=False)
    with pytest.raises(Problem, match="batch b-1, generation 3 still runs"):
        results_of(stack("mine"), running, only=False)
    assert results_of(stack("mine"), ended, only=False) == Results("000000000000", "mine", "b-1", range(1, 4))
    assert results_of(stack("mine"), ended, only=True).generations == range(3, 4)


def lines(*results: Any) -> list[dict[str, Any]]:
    return [{"id": f"=C{number}", "result": result} for number, result in enumerate(results)]


def rows(capsys: pytest.CaptureFixture[str], *results: Any) -> list[list[str]]:
    assert write_csv(lines(*results)) == bool(results)
    return list(csv.reader(io.StringIO(capsys.readouterr().out)))


def test_flat_results_have_a_column_for_each_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(capsys, {"size": 1, "name": "=1+1"}, {"id": "x", "size": -2.5, "ok": True, "name": None}) == [
        ["id", "size", "name", "result.id", "ok"],
        ["'=C0", "1", "'=1+1", "", ""],
        ["'=C1", "-2.5", "", "x", "true"],
    ]


@pytest.mark.parametrize("other", [[1], "=text", 7, None, {"nested": {}}, {str(n): n for n in range(101)}], ids=str)
def test_other_results_are_one_column_of_json(capsys: pytest.CaptureFixture[str], other: Any) -> None:
    header, first, second = rows(capsys, {"size": 1}, other)
    assert header == ["id", "result"]
    assert [json.loads(row[1]) for row in (first, second)] == [{"size": 1}, other]


def test_without_results_a_csv_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(capsys) == [["id", "result"]]


def test_lines_of_json_are_the_default_and_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_lines(lines(1, "\x1b]0;t"))
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == lines(1, "\x1b]0;t")
    assert "\x1b" not in out
    assert write_json(Results(stored(g1_000_1={"a": 1}), "mine", "b-1", range(1, 2)))
    assert json.loads(capsys.readouterr().out) == {
        "batchId": "b-1",
        "generations": [1],
        "results": [{"id": "a", "result": 1}],
    }
