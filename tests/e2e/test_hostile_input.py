"""Whatever is in a file, and whoever sends what to whom: the documented outcome, and every batch still ends."""

import functools
import gzip
import json
import uuid
import zlib

import pytest

from tests.e2e.inputs import items, json_lines
from tests.e2e.stacks import Stacks
from tests.faults import Plan
from tests.probes import eventually

ARCHITECTURES = pytest.mark.parametrize("architecture", ["sqs", "sfn"])
BOMB_BYTES = 300 * 2**20


def errors(stacks: Stacks, architecture: str, batch_id: str) -> dict[str, str]:
    """Of the items recorded as failed: id and error."""
    failures = stacks.failures(architecture, batch_id)
    assert all(failure["attempts"] == 1 for failure in failures), failures
    found = {failure["item"]["id"]: failure["error"] for failure in failures}
    assert len(found) == len(failures)
    return found


@ARCHITECTURES
def test_lines_that_are_no_items_fail_at_once_under_their_place_and_the_others_are_processed(
    stacks: Stacks, architecture
):
    prefix, rows = items(6)
    good = json_lines(rows).splitlines(keepends=True)
    bad = {
        b"not json\n": "InvalidItem: not JSON",
        b"[1, 2]\n": "InvalidItem: not a JSON object",
        b'{"value": 1}\n': "InvalidItem: its id must be",
        b'{"id": ""}\n': "InvalidItem: its id must be",
        b'{"id": "caf\xe9"}\n': "InvalidItem: not UTF-8",
        b'{"id": "a", "$error": "no"}\n': "InvalidItem: the field $error",
        b"[" * 150_000 + b"\n": "InvalidItem: not JSON",
        b'{"id": "long", "text": "' + b"x" * 300 * 1024 + b'"}\n': "InvalidItem: longer than",
        b'{"id": "a", "value": ': "InvalidItem: not JSON",  # the file ends in mid-line
    }
    content, expected = b"".join(good), {}
    for line, error in bad.items():
        expected[f"byte-{len(content)}"] = error
        content += line
    batch = stacks.start(architecture, input=stacks.upload("items.jsonl", content), itemsPerChunk=4)
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 6, len(bad))
    found = errors(stacks, architecture, batch)
    assert set(found) == set(expected)
    assert all(found[place].startswith(error) for place, error in expected.items()), found
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


@ARCHITECTURES
def test_items_that_cannot_travel_fail_at_once_under_their_own_id(stacks: Stacks, architecture):
    _, rows = items(2)
    bad = {
        "large": b'{"id": "large", "text": "'
        + "\uffff".encode() * 50_000
        + b'"}\n',  # six bytes each, since SQS refuses the character itself
        "nan": b'{"id": "nan", "value": NaN}\n',
        "deep": b'{"id": "deep", "value": ' + b"[" * 500 + b"]" * 500 + b"}\n",
    }
    content = b"".join([*bad.values(), json_lines(rows)])
    batch = stacks.start(architecture, input=stacks.upload("items.jsonl", content))
    detail = stacks.finished(batch)
    assert (detail["succeeded"], detail["failed"]) == (2, 3)
    found = errors(stacks, architecture, batch)
    assert set(found) == set(bad)
    assert "larger than" in found["large"]
    assert "JSON" in found["nan"]
    assert "deep" in found["deep"]


@ARCHITECTURES
def test_each_occurrence_of_a_repeated_id_is_an_item_of_its_own(stacks: Stacks, architecture):
    prefix, rows = items(5)
    content = json_lines(rows * 3)
    detail = stacks.finished(stacks.start(architecture, input=stacks.upload("items.jsonl", content), itemsPerChunk=4))
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 15, 15)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 3 for row in rows})


@ARCHITECTURES
def test_rows_that_are_no_items_fail_at_once_under_their_line(stacks: Stacks, architecture):
    prefix, rows = items(3)
    good = "".join(f'{row["id"]},0,"two\nlines"\n' for row in rows).encode()
    content = b"\xef\xbb\xbfid,value,note\r\n\r\n" + good + b'x,0\ny,0,1,2\ncaf\xe9,0,1\n"z"z,0,1\n,0,1\nlast,0,"cut o'
    batch = stacks.start(architecture, input=stacks.upload("items.csv", content))
    detail = stacks.finished(batch)
    assert (detail["status"], detail["succeeded"], detail["failed"]) == ("FAILED", 3, 6)
    assert set(errors(stacks, architecture, batch)) == {f"line-{number}" for number in range(9, 15)}
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


@ARCHITECTURES
@pytest.mark.parametrize(
    ("content", "said"),
    [(b"name,value\na,1\n", "must name a column id"), (b'id,value\na,"1\n' + b"b,2\n" * 300_000, "row at line 2")],
)
def test_a_csv_file_that_cannot_be_told_apart_ends_failed_with_the_reason(stacks: Stacks, architecture, content, said):
    detail = stacks.finished(stacks.start(architecture, input=stacks.upload("items.csv", content)))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert said in detail["reason"]


@ARCHITECTURES
@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz", "items.csv"])
def test_a_million_empty_lines_are_passed_over(stacks: Stacks, architecture, name):
    prefix, [row] = items(1)
    blank = b"\n" * 1_000_000
    content = blank + json_lines([row]) + blank
    if name.endswith(".csv"):
        content = blank + b"id,value\n" + blank + f"{row['id']},0\n".encode() + blank
    if name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=1)
    detail = stacks.finished(stacks.start(architecture, input=stacks.upload(name, content)))
    assert (detail["status"], detail["items"], detail["succeeded"]) == ("SUCCEEDED", 1, 1)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1})


@functools.cache
def bomb(byte: bytes) -> bytes:
    """A small gzip file of hundreds of megabytes of one byte."""
    packer = zlib.compressobj(level=1, wbits=31)
    block = byte * 2**20
    return b"".join(packer.compress(block) for _ in range(BOMB_BYTES // len(block))) + packer.flush()


@ARCHITECTURES
@pytest.mark.parametrize(
    ("byte", "said"), [(b"\n", "expands more than 200 times"), (b"x", "is longer than 67,108,864")]
)
def test_a_gzip_bomb_ends_its_batch_failed_with_the_reason(stacks: Stacks, architecture, byte, said):
    packed = bomb(byte)
    assert len(packed) < 2 * 2**20
    detail = stacks.finished(stacks.start(architecture, input=stacks.upload("items.jsonl.gz", packed)))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert said in detail["reason"]


@ARCHITECTURES
def test_a_chunk_that_would_be_too_large_to_travel_is_cut_earlier(stacks: Stacks, architecture):
    prefix, rows = items(60, text="x" * 50_000)
    place = stacks.upload("items.jsonl", json_lines(rows))
    detail = stacks.finished(stacks.start(architecture, input=place, itemsPerChunk=10_000))
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 60)
    assert detail["chunks"] >= 60 * 50_000 // 2**20
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


@ARCHITECTURES
def test_an_input_that_is_not_the_pinned_one_any_more_ends_failed_with_the_reason(stacks: Stacks, architecture):
    place = stacks.upload("items.jsonl", json_lines(items(5)[1]))
    before = stacks.aws("s3").head_object(Bucket=place["bucket"], Key=place["key"])["ETag"]
    stacks.aws("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=b'{"id": "another"}\n')
    detail = stacks.finished(stacks.start(architecture, input={**place, "etag": before}))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert "changed while it was read" in detail["reason"]


@ARCHITECTURES
@pytest.mark.parametrize("number", [0, 1], ids=["pinned", "read"])
def test_an_input_that_s3_cannot_give_at_the_moment_is_asked_for_again(
    stacks: Stacks, plan: Plan, architecture, number
):
    prefix, rows = items(5)
    place = stacks.upload("items.jsonl", json_lines(rows))
    batcher = {"sqs": stacks.sqs, "sfn": stacks.sfn}[architecture]["BatcherFunctionName"]
    fault = {"kind": "error", "service": "s3", "operation": "GetObject", "function": batcher, "count": 1}
    # Of Step Functions the first object it asks for is its own. The SDK itself does not try this error again.
    skipped = number + (architecture == "sfn")
    faults = plan({**fault, "after": skipped, "error": "ExpiredToken", "status": 400})
    detail = stacks.finished(stacks.start(architecture, input=place))
    assert faults() == 1
    assert (detail["status"], detail["succeeded"]) == ("SUCCEEDED", 5)
    stacks.assert_witnessed(architecture, prefix, {row["id"]: 1 for row in rows})


@ARCHITECTURES
@pytest.mark.parametrize(
    "place",
    [
        {"bucket": "No Bucket", "key": "items.jsonl"},
        {"bucket": "arn:aws:s3:nowhere", "key": "items.jsonl"},
        {"bucket": "b" * 63, "key": "\u0000/../[bold]\u001b[31m.jsonl"},
        {"bucket": "b" * 63, "key": "k" * 2000 + ".jsonl"},
        {"bucket": "b" * 63, "key": ""},
    ],
)
def test_an_input_that_nobody_can_have_ends_failed(stacks: Stacks, architecture, place):
    detail = stacks.finished(stacks.start(architecture, input=place))
    assert (detail["status"], detail["items"]) == ("FAILED", 0)
    assert "input" in detail["reason"]


@ARCHITECTURES
def test_a_scheduled_event_may_carry_fields_that_nobody_knows(stacks: Stacks, architecture):
    event = {
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": f"{2000 + uuid.uuid4().int % 1000}-11-23T06:00:{uuid.uuid4().int % 60:02d}Z",
        "detail": {"items": -1},
        "replay-name": "somebody's",
    }
    if architecture == "sqs":
        stacks.request(event)
    else:
        stacks.execute(event)
    batch = "scheduled-" + event["time"].replace("-", "").replace(":", "")
    assert stacks.finished(batch)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("request_", [5, "text", [], [{"items": 5}], {"detail-type": "Scheduled Event", "time": 5}])
def test_an_execution_with_a_strangers_input_ends_in_one_event(stacks: Stacks, request_):
    batch = f"e2e-{uuid.uuid4().hex[:12]}"
    stacks.execute(request_, name=batch)
    detail = stacks.finished(batch)
    assert (detail["status"] == "FAILED") == (not isinstance(request_, dict))


STRANGERS = {
    "not JSON": "not JSON",
    "nothing": "null",
    "a number": "5",
    "nested": "[" * 100_000,
    "a list": '[{"batchId": "x"}]',
    "half a character": '{"batchId": "\\ud800", "generation": 1}',
    "S3's test event": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}),
    "a chunk of no batch": json.dumps(
        {
            "batchId": "e2e-nobody", "generation": 1, "shard": 0, "seq": 0, "itemConcurrency": 1, "maxAttempts": 1,
            "deadline": 2**50, "items": [{"id": "a"}], "unknown": "field",
        }
    ),
    "a chunk of an endless name": json.dumps(
        {
            "batchId": "x" * 3000, "generation": 1, "shard": 0, "seq": 0, "itemConcurrency": 1, "maxAttempts": 1,
            "deadline": 2**50, "items": [],
        }
    ),
    "a segment of no batch": json.dumps({"segment": {"batchId": "e2e-nobody", "generation": 1, "number": 0, "a": 1}}),
    "a segment of an endless name": json.dumps({"segment": {"batchId": "x" * 3000, "generation": 1, "number": 0}}),
    "a redrive of no batch": json.dumps({"redrive": {"batchId": "e2e-nobody", "generation": 1}}),
    "a nudge of no batch": json.dumps({"nudge": {"batchId": "e2e-nobody", "generation": 1, "drainedAt": "soon"}}),
    "a nudge of an endless name": json.dumps({"nudge": {"batchId": "x" * 3000, "generation": 1}}),
    "a check of nothing": '{"check": {}}',
}  # fmt: skip


@pytest.mark.parametrize("queue", ["ChunkQueueUrl", "FinalizerQueueUrl"])
def test_whatever_strangers_send_to_a_queue_is_used_up_and_stops_nobody(stacks: Stacks, queue):
    sent = {stacks.send(stacks.sqs[queue], body): name for name, body in STRANGERS.items()}
    detail = stacks.finished(stacks.start("sqs", items=20, itemsPerChunk=5))
    assert detail["status"] == "SUCCEEDED"

    def used_up() -> None:
        left = stacks.listed(stacks.sqs[queue])
        assert not [name for message, name in sent.items() if message in left]

    eventually(used_up)
