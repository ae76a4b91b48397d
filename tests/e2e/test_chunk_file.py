"""The file of chunks is written whole, whatever breaks meanwhile, and is never more than AWS takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap.packaging import Package, package
from handlers.sfn import chunk_file
from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually

CHUNK_FILE = Path(chunk_file.__file__)


@pytest.fixture(autouse=True, scope="module")
def impatient_batcher(stacks: Stacks) -> Iterator[None]:
    with stacks.impatient_batcher():
        yield


def upload_of(stacks: Stacks, batch_id: str) -> str | None:
    """The id of the upload of the batch's chunks, while it is under way."""
    found = stacks.aws("s3").list_multipart_uploads(Bucket=stacks.sfn["BatchBucketName"]).get("Uploads", [])
    return next((upload["UploadId"] for upload in found if upload["Key"] == f"chunks/{batch_id}/1.json"), None)


def broken_off(stacks: Stacks) -> dict:
    """A fault: the first answer with the input's content stops in the second part of 8 MiB.

    Before it, the batcher reads whether the batch is started, and the head of the input.
    """
    batcher = stacks.sfn["BatcherFunctionName"]
    return {
        "kind": "hang", "operation": "GetObject", "function": batcher, "bytes": 10_000_000, "after": 2, "count": 1
    }  # fmt: skip


def test_an_input_whose_connection_breaks_is_read_on_and_no_part_of_it_is_written_twice(stacks: Stacks, plan: Plan):
    prefix, rows = items(175, text="x" * 100_000)
    parts = {"kind": "delay", "seconds": 0, "operation": "UploadPart", "function": stacks.sfn["BatcherFunctionName"]}
    faults = plan(parts, broken_off(stacks))
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=2)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 175, 175)
    assert faults() == 3 + 1
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


def test_an_upload_that_is_aborted_between_two_rounds_loses_nothing(stacks: Stacks, plan: Plan):
    prefix, rows = items(175, text="x" * 100_000)
    plan(broken_off(stacks))
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=2)

    def aborted() -> None:
        upload_id = upload_of(stacks, batch_id)
        assert upload_id
        place = {"Bucket": stacks.sfn["BatchBucketName"], "Key": f"chunks/{batch_id}/1.json", "UploadId": upload_id}
        s3 = stacks.aws("s3")
        assert s3.list_parts(**place).get("Parts")
        s3.abort_multipart_upload(**place)

    eventually(aborted, interval=0.05)
    detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 175, 175)
    stacks.assert_witnessed("sfn", prefix, {row["id"]: 1 for row in rows})


def test_the_parts_of_the_file_are_compared_with_their_checksums(stacks: Stacks):
    batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(items(100, text="x" * 100_000)[1])))
    assert stacks.finished(batch_id)["succeeded"] == 100
    place = {"Bucket": stacks.sfn["BatchBucketName"], "Key": f"chunks/{batch_id}/1.json"}
    assert stacks.aws("s3").head_object(**place, ChecksumMode="ENABLED")["ChecksumCRC32"].endswith("-2")


@contextmanager
def file_of_at_most(stacks: Stacks, size: int, folder: Path) -> Iterator[None]:
    """The batcher's code has another limit until the end."""
    small = folder / "chunk_file.py"
    small.write_text(CHUNK_FILE.read_text().replace(f"MAX_BYTES = {chunk_file.MAX_BYTES:_}", f"MAX_BYTES = {size}"))
    assert f"MAX_BYTES = {size}\n" in small.read_text()

    def put_live(code: Package) -> None:
        functions, name = stacks.aws("lambda"), stacks.sfn["BatcherFunctionName"]
        functions.update_function_code(FunctionName=name, ZipFile=code.zip())
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})

    put_live(package({"handlers/sfn/chunk_file.py": small}))
    try:
        yield
    finally:
        put_live(package())


def test_more_chunks_than_an_upload_may_have_end_the_batch_failed_and_leave_no_upload(stacks: Stacks, tmp_path: Path):
    prefix, rows = items(175, text="x" * 100_000)
    with file_of_at_most(stacks, 12_000_000, tmp_path):
        batch_id = stacks.start("sfn", input=stacks.upload("items.jsonl", json_lines(rows)), itemsPerChunk=2)
        detail = stacks.finished(batch_id)
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert "S3 takes 12,000,000 in parts of 8,388,608: split it" in detail["reason"]
    assert upload_of(stacks, batch_id) is None
    assert stacks.witnessed("sfn", prefix) == {}
