"""Functions read a stack's input bucket below its prefix, of the right owner, and no more items than MaxItems."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import session
from bootstrap.bucket import buckets_of
from bootstrap.destroy import destroy
from handlers.core.batch import BatchRequest, InputObject, InvalidRequest, Status
from handlers.sfn.store import BatcherOutput, BatchObjects, BatchStart
from handlers.sqs.messages import FinalizerMessage
from handlers.sqs.records import Batch, BatchKey, Segment
from sandbox.state import Sandbox
from tests.e2e.command_line import Rollcall
from tests.e2e.deployed import deploy
from tests.e2e.inputs import csv_gz, items, json_lines
from tests.e2e.stacks import QUICK, Stacks

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])
MOST = 100
# Two chunks of five items, 100 bytes each as far as the batcher guesses, make a segment.
SEGMENTED = {"itemsPerChunk": 5}
LIMITS = {"MaxItems": str(MOST), "Items": "10", "ChunksPerSegment": "2", "InputPrefix": "orders/"}


class Limited(Stacks):
    """Stacks with a small MaxItems and an input bucket and prefix of their own."""

    def deploy(self, connection: Any, **parameters: str) -> None:
        """Change their parameters."""
        deploy(connection, parameters=QUICK | LIMITS | parameters, suffix=self.suffix)


@pytest.fixture(scope="module")
def limited(sandbox: Sandbox, aws: Callable[[str], Any]) -> Iterator[Limited]:
    suffix = f"Limited{uuid.uuid4().hex[:6]}"
    bucket, connection = f"rollcall-{suffix.lower()}-orders", session(sandbox.endpoint)
    aws("s3").create_bucket(Bucket=bucket)
    buckets_of(connection, print).ensure_input("input/")
    outputs = deploy(connection, parameters=QUICK | LIMITS | {"InputBucket": bucket}, suffix=suffix)
    stacks = Limited(aws, outputs, suffix, "")
    stacks.subscribe()
    yield stacks
    try:
        stacks.assert_each_finished_once()
    finally:
        stacks.unsubscribe()
        destroy(connection, suffix=suffix)


@ARCHITECTURES
def test_an_input_below_the_prefix_of_the_bucket_that_was_given_is_read(limited: Limited, architecture: str):
    place = limited.upload("items.jsonl", json_lines(items(MOST)[1]))
    assert place["key"].startswith("orders/")
    detail = limited.finished(limited.start(architecture, input=place, **SEGMENTED))
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", MOST)


@ARCHITECTURES
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"key": "orders-of-others/items.jsonl"}, "must begin with orders/, the stack's InputPrefix"),
        ({"key": "input/items.jsonl"}, "must begin with orders/, the stack's InputPrefix"),
        ({"key": "/orders/items.jsonl"}, "must begin with orders/, the stack's InputPrefix"),
        ({"bucket": "rollcall-input-000000000000-us-east-1"}, "-orders, the stack's InputBucket"),
        ({"bucket": "rollcall-000000000000-us-east-1"}, "-orders, the stack's InputBucket"),
        ({"bucket": "arn:aws:s3:us-east-1:000000000000:accesspoint/a"}, "-orders, the stack's InputBucket"),
    ],
)
def test_an_input_elsewhere_ends_its_batch_failed_although_it_is_there(
    limited: Limited, architecture: str, place: dict, said: str
):
    where = {"bucket": limited.sqs["InputBucketName"], "key": "orders/items.jsonl"} | place
    if not where["bucket"].startswith("arn:"):
        limited.aws("s3").put_object(Bucket=where["bucket"], Key=where["key"], Body=json_lines(items(3)[1]))
    detail = limited.finished(limited.start(architecture, input=where))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert said in detail["reason"]


def ended_elsewhere(stacks: Stacks, architecture: str, place: InputObject) -> str:
    """A batch of an input elsewhere that was stopped before it was read, as an earlier deployment may have left it."""
    batch_id, now = f"e2e-{uuid.uuid4().hex[:12]}", stacks.clock.now_ms()
    request = BatchRequest(batch_id=batch_id, input=place)
    if architecture == "sqs":
        stacks.table.create_batch(
            Batch(
                BatchKey(batch_id), Status.CANCELLED, request, 1, now, now, segments=frozenset({0}), succeeded=0,
                failed=0, remaining=3, finished_at=now, notified=True,
            )
        )  # fmt: skip
    else:
        objects = BatchObjects(stacks.aws("s3"), stacks.sfn["BatchBucketName"], batch_id)
        objects.start(BatchStart("arn:aws:states:us-east-1:000000000000:execution:m:e", now, request))
        made = BatcherOutput(batch_id, 1, now, 0, 0, 0, 0, 0, "it was stopped")
        objects.put_made(made)
        objects.put_ending(asdict(made) | {"remaining": 3}, now)
    return batch_id


@ARCHITECTURES
@pytest.mark.parametrize("other", ["bucket", "prefix"])
def test_a_redrive_reads_nowhere_else_either(limited: Limited, architecture: str, other: str):
    bucket = limited.sqs["InputBucketName"] if other == "prefix" else "rollcall-input-000000000000-us-east-1"
    key = "elsewhere/items.jsonl" if other == "prefix" else "orders/items.jsonl"
    limited.aws("s3").put_object(Bucket=bucket, Key=key, Body=json_lines(items(3)[1]))
    batch_id = ended_elsewhere(limited, architecture, InputObject(bucket, key))
    request = {"redrive": {"batchId": batch_id, "generation": 1}}
    if architecture == "sqs":
        limited.request(request)
    else:
        limited.execute(request)
    detail = limited.finished(batch_id, generation=2)
    assert (detail["status"], detail["succeeded"]) == ("FAILED", 0)
    assert "the stack's Input" in detail["reason"]


@ARCHITECTURES
def test_more_random_items_than_the_most_end_failed_before_any_is_made(limited: Limited, architecture: str):
    detail = limited.finished(limited.start(architecture, items=MOST + 1))
    assert (detail["status"], detail["items"], detail["chunks"]) == ("FAILED", 0, 0)
    assert "and the stack's MaxItems is 100: " in detail["reason"]
    assert limited.finished(limited.start(architecture, items=MOST))["status"] == "SUCCEEDED"


@ARCHITECTURES
@pytest.mark.parametrize("name", ["items.jsonl", "items.csv.gz"])
def test_an_input_of_more_items_than_the_most_ends_failed_however_many_segments_it_has(
    limited: Limited, architecture: str, name: str
):
    rows = items(3 * MOST, text="x" * 80)[1]
    content = csv_gz(rows) if name.endswith(".gz") else json_lines(rows)
    batch_id = limited.start(architecture, input=limited.upload(name, content), **SEGMENTED)
    detail = limited.finished(batch_id)
    assert detail["status"] == "FAILED"
    assert "and the stack's MaxItems is 100: " in detail["reason"]
    if architecture == "sqs":
        batch = limited.table.get_batch(batch_id)
        assert batch
        assert batch.segment_count > 10 or name.endswith(".gz")
        # What five batchers make of a segment each before they look again comes on top.
        assert detail["succeeded"] <= MOST + 5 * (3 * MOST // batch.segment_count + 1)
        assert detail["remaining"] > 0
    else:
        assert detail["items"] == 0


@ARCHITECTURES
def test_several_files_are_shared_among_segments_that_have_all_items_once(limited: Limited, architecture: str):
    rows = items(90, text="x" * 80)[1]
    contents = [json_lines(rows[:40]), csv_gz(rows[40:60]), b"", json_lines(rows[60:])]
    names = ["a.jsonl", "b.csv.gz", "c.csv", "d.jsonl"]
    places = [limited.upload(name, content) for name, content in zip(names, contents, strict=True)]
    heads = [limited.aws("s3").head_object(Bucket=place["bucket"], Key=place["key"]) for place in places]
    listed = [
        {"key": place["key"], "size": head["ContentLength"], "etag": head["ETag"]}
        for place, head in zip(places, heads, strict=True)
    ]
    place = limited.upload("files.jsonl", json_lines(listed)) | {"listed": True}
    batch_id = limited.start(architecture, input=place, **SEGMENTED)
    detail = limited.finished(batch_id)
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 90, 90), detail
    if architecture == "sqs":
        batch = limited.table.get_batch(batch_id)
        assert batch
        assert batch.segment_count > 5


def test_a_segment_is_made_no_further_when_the_others_unfinished_ones_have_the_most_items(limited: Limited):
    """The batchers of a large input take turns: were only finished segments counted, all could go on and on."""
    content = json_lines(items(20)[1])
    place, now = limited.upload("items.jsonl", content), limited.clock.now_ms()
    key, half = BatchKey(f"e2e-{uuid.uuid4().hex[:12]}"), len(content) // 2
    request = BatchRequest(batch_id=key.batch_id, input=InputObject(**place), items_per_chunk=5)
    limited.table.create_batch(
        Batch(
            key, Status.OPEN, request, 1, now, now + 300_000, segments=frozenset({0, 1}), segment_count=2,
            segment_length=half, extent=len(content),
        )
    )  # fmt: skip
    other = limited.table.claim_segment(key, 1, now, now + 1)
    assert isinstance(other, Segment)
    limited.table.advance_segment(key, replace(other, next_item=MOST - 2, next_chunk=20))
    # The check has a batcher make it.
    limited.send(limited.sqs["FinalizerQueueUrl"], FinalizerMessage(key, check=True).body())
    detail = limited.finished(key.batch_id)
    assert detail["status"] == "FAILED"
    assert "and the stack's MaxItems is 100: " in detail["reason"]
    made = limited.table.get_segment(key, 0)
    assert made
    assert made.next_chunk == 0


def test_a_batch_that_has_more_items_than_the_most_is_never_sealed(limited: Limited):
    key, now = BatchKey(f"e2e-{uuid.uuid4().hex[:12]}"), limited.clock.now_ms()
    segments = frozenset({0, 1})
    limited.table.create_batch(Batch(key, Status.OPEN, BatchRequest(), 1, now, now + 300_000, segments, 2))
    limited.table.finish_segment(key, 0, items=60, chunks=1, max_items=MOST)
    with pytest.raises(InvalidRequest, match="and the stack's MaxItems is 100: "):
        limited.table.finish_segment(key, 1, items=41, chunks=1, max_items=MOST)
    batch = limited.table.get_batch(key.batch_id)
    assert batch
    assert (batch.items, batch.sealed) == (60, False)
    sealed = limited.table.finish_segment(key, 1, items=40, chunks=1, max_items=MOST)
    assert sealed
    assert (sealed.items, sealed.sealed) == (100, True)


def test_the_command_line_says_at_once_that_there_are_too_many_items(
    sandbox: Sandbox, limited: Limited, tmp_path: Path
):
    rollcall = Rollcall(sandbox, limited.suffix, tmp_path)
    out, err = rollcall("run", "sqs", "--items", "101", expect=2)
    assert out == ""
    assert re.search(r"--items: 101 are more than MaxItems of \S+, 100\n", err)
    assert "raise it: `rollcall up --parameter MaxItems=101 " in err
    (tmp_path / "mine.jsonl").write_bytes(json_lines(items(3)[1]))
    batch_id = rollcall.json("run", "sfn", "--input", "mine.jsonl")["batchId"]
    bucket, key = limited.sqs["InputBucketName"], f"orders/{batch_id}/mine.jsonl"
    limited.aws("s3").head_object(Bucket=bucket, Key=key)


@ARCHITECTURES
def test_an_input_bucket_that_is_not_the_owners_is_not_read(sandbox: Sandbox, limited: Limited, architecture: str):
    """The last of these tests: from here on the stacks expect another owner."""
    place = limited.upload("items.jsonl", json_lines(items(3)[1]))
    limited.deploy(session(sandbox.endpoint), InputBucket=place["bucket"], InputBucketOwner="111111111111")
    detail = limited.finished(limited.start(architecture, input=place))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert f"cannot read s3://{place['bucket']}/{place['key']}: AccessDenied" in detail["reason"]
