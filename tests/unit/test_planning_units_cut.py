"""The plan's closed forms beside the handlers' own code, run over every chunk."""

import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from costs.plan.distribution import Distribution
from costs.plan.settings import Settings, Workload
from costs.plan.shape import SqsShape, sfn_shape, sqs_shape
from costs.plan.sizes import item_bytes, value_bytes
from handlers import source
from handlers.aws.sqs import full_batches
from handlers.core.batch import BatchRequest
from handlers.core.files.formats import json_items
from handlers.core.files.lines import lines_of_part
from handlers.core.items import checked, chunks
from handlers.sfn.batcher import MAX_CHUNK_BYTES as SFN_CHUNK_BYTES
from handlers.sfn.chunk_file import PART_BYTES, ChunkWriter, Cursor
from handlers.sqs.batcher import chunk_key, windows
from handlers.sqs.messages import chunk_body
from handlers.sqs.records import SEGMENT_STRIDE, BatchKey, segments_for
from handlers.sqs.segments import MAX_CHUNK_BYTES as SQS_CHUNK_BYTES
from handlers.sqs.segments import part_of
from handlers.sqs.start import opened

BATCH_ID = "hand-1"
NOW = 1_795_000_000_123
ZERO = Distribution.parse("constant:0")


def sqs_by_hand(workload: Workload, asked: Settings) -> tuple[int, int, int, int, int, int]:
    """Segments, shards, chunks, windows, requests of sending, bytes sent: as the batcher makes them, one by one."""
    data = b"" if workload.item_bytes is None else file_of(workload.items, int(workload.item_bytes))
    extent, estimate = (len(data), math.ceil(len(data) / 100)) if data else (workload.items, workload.items)
    request = BatchRequest(
        items=workload.items,
        max_value=0,
        items_per_chunk=asked.items_per_chunk,
        item_concurrency=asked.item_concurrency,
        max_attempts=asked.max_attempts,
    )
    expected = math.ceil(estimate / asked.items_per_chunk)
    count, length = segments_for(extent, expected, asked.items_per_chunk, asked.chunks_per_segment)
    batch = opened(BatchKey(BATCH_ID), request, expected, count, NOW)
    batch = replace(batch, segment_length=length, extent=extent)
    made = made_windows = requests = sent = 0
    for number in range(count):
        first, last = part_of(batch, number)
        items = items_in(data, first, last) if data else source.random_items(request, BATCH_ID, first, last)
        stream = chunks(items, request.items_per_chunk, SQS_CHUNK_BYTES, number * SEGMENT_STRIDE)
        for window in windows(stream):
            bodies = [chunk_body(chunk_key(batch, each.seq), request, NOW, each.items) for each in window]
            made, made_windows, sent = made + len(window), made_windows + 1, sent + sum(map(len, bodies))
            requests += sum(math.ceil(sum(map(len, group)) / 65536) for group in full_batches(bodies))
    return count, batch.shards, made, made_windows, requests, sent


def file_of(count: int, size: int) -> bytes:
    """JSON Lines of items as long."""
    bare = len(checked({"id": "000000", "text": ""}, 0))
    lines = ({"id": f"{number:06d}", "text": "x" * (size - bare)} for number in range(count))
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()


def items_in(data: bytes, first: int, last: int) -> Iterator[dict]:
    stream = io.BufferedReader(io.BytesIO(data[max(0, first - 1) :]))
    lines = lines_of_part(stream, first, last)
    return json_items(lines, lambda: "none")


def cut(workload: Workload, asked: Settings, longest: bool) -> SqsShape:
    return sqs_shape(workload, asked, item_bytes(workload).expected, longest=longest, batch_id=BATCH_ID)


@settings(max_examples=60, deadline=None)
@given(items=st.integers(0, 3000), per_chunk=st.integers(1, 600), per_segment=st.integers(1, 300))
@example(items=1, per_chunk=1, per_segment=1)
@example(items=3000, per_chunk=1, per_segment=1000)
def test_random_items_are_cut_as_the_batcher_cuts_them(items, per_chunk, per_segment):
    workload = Workload(items=items, values=ZERO)
    asked = Settings(items_per_chunk=per_chunk, chunks_per_segment=per_segment)
    segments, shards, made, made_windows, requests, sent = sqs_by_hand(workload, asked)
    low, high = cut(workload, asked, longest=False), cut(workload, asked, longest=True)
    for each in (low, high):
        assert (each.segments, each.shards, each.chunks, each.windows) == (segments, shards, made, made_windows)
    assert low.send_requests <= requests <= high.send_requests
    assert low.sent_bytes <= sent <= high.sent_bytes


@settings(max_examples=40, deadline=None)
@given(
    items=st.integers(1, 60),
    per_chunk=st.integers(1, 60),
    per_segment=st.integers(1, 3000),
    size=st.integers(30, 60_000),
)
@example(items=12, per_chunk=100, per_segment=400, size=250_000)
@example(items=20, per_chunk=1, per_segment=10_000, size=110_000)
def test_the_lines_of_a_file_are_cut_as_the_batcher_cuts_them(items, per_chunk, per_segment, size):
    workload = Workload(items=items, values=ZERO, item_bytes=size)
    asked = Settings(items_per_chunk=per_chunk, chunks_per_segment=per_segment)
    segments, shards, made, made_windows, requests, sent = sqs_by_hand(workload, asked)
    low, high = cut(workload, asked, longest=False), cut(workload, asked, longest=True)
    for each in (low, high):
        assert (each.segments, each.shards, each.chunks, each.windows) == (segments, shards, made, made_windows)
    assert low.send_requests <= requests <= high.send_requests
    assert low.sent_bytes <= sent <= high.sent_bytes


@dataclass
class Uploads:
    """What ChunkWriter sends."""

    parts: int = 0
    size: int = 0

    def put_object(self, Body: bytes, **_: object) -> None:
        self.size += len(Body)

    def create_multipart_upload(self, **_: object) -> dict:
        return {"UploadId": "1"}

    def upload_part(self, Body: bytes, **_: object) -> None:
        self.parts += 1
        self.size += len(Body)

    def get_paginator(self, _: str) -> "Uploads":
        return self

    def paginate(self, **_: object) -> list[dict]:
        return []

    def complete_multipart_upload(self, **_: object) -> None:
        """Nothing to count."""


@settings(max_examples=25, deadline=None)
@given(items=st.integers(0, 500), per_chunk=st.integers(1, 60), size=st.integers(40, 90_000))
@example(items=90, per_chunk=10, size=100_000)
@example(items=400, per_chunk=10, size=30_000)
@example(items=499, per_chunk=6, size=16_639)
def test_chunks_are_written_as_the_map_s_batcher_writes_them(items, per_chunk, size):
    rows = ({"id": f"{number:06d}", "text": "x" * (size - 24)} for number in range(items))
    uploads = Uploads()
    writer = ChunkWriter(uploads, "b", "k", Cursor(), max_items=items)
    writer.write(chunks(rows, per_chunk, SFN_CHUNK_BYTES), lambda: True)
    workload = Workload(
        items=items, values=ZERO, item_bytes=len(checked({"id": "000000", "text": "x" * (size - 24)}, 0))
    )
    low, high = (
        sfn_shape(workload, Settings(items_per_chunk=per_chunk), item_bytes(workload).expected, longest=longest)
        for longest in (False, True)
    )
    assert low.chunks == high.chunks == writer.cursor.chunks
    assert low.object_bytes <= (uploads.size if items else 0) <= high.object_bytes
    assert high.parts == uploads.parts or low.parts <= uploads.parts <= high.parts
    assert (uploads.size > PART_BYTES) <= (uploads.parts > 0)


@pytest.mark.parametrize("rate", [0, 1])
def test_an_item_is_as_long_as_the_example_makes_it(rate):
    request = BatchRequest(items=10, max_value=0, fail_rate=rate)
    lengths = {len(checked(item, 0)) for item in source.random_items(request, BATCH_ID, 0, 10)}
    found = item_bytes(Workload(items=10, values=ZERO, fail_rate=rate))
    assert {found.least} == {found.expected} == {found.most} == lengths


def test_the_digits_of_a_value_are_counted_by_their_share():
    found = value_bytes(Distribution.parse("uniform:0-1000"))
    # 10 values of one digit, 90 of two, 900 of three, one of four.
    assert (found.least, found.most) == (1, 4)
    assert found.expected == pytest.approx((10 + 180 + 2700 + 4) / 1001)
