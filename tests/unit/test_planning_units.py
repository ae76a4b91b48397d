"""The plan's units of a few batches, worked out by hand from docs/design.md's protocol and AWS's rules."""

import math

import pytest

from costs.facts.prices import PriceBook
from costs.plan.distribution import Distribution
from costs.plan.settings import Settings, Workload
from costs.plan.sfn_left import left
from costs.plan.shape import sfn_shape
from costs.plan.timing import Timing
from costs.plan.units import units
from costs.usage import Usage
from handlers.sqs.sizes import number_bytes, record_bytes
from sandbox.meter.rules import express_memory_gb
from tests.unit.planning import workload

NOTHING = Distribution.parse("constant:0")
BATCHER, PROCESSOR, FINALIZER = "BatcherFunction", "ProcessorFunction", "FinalizerFunction"
RECORDER = "FailureRecorderFunction"
TEN = Settings(batch_size=10, max_concurrency=4, chunks_per_segment=40, deadline_seconds=300, check_interval_seconds=2)
TIMING = Timing(
    seconds=20,
    bottleneck="",
    batcher_invocations=2,
    batcher_ms=1000,
    processor_invocations=3,
    processor_ms=8000,
    work_ms=6000,
    finalizer_invocations=3,
    finalizer_ms=600,
    cold_starts=4,
    child_ms=5000,
)

type Line = tuple[float, float, float]


def planned(architecture: str, settings: Settings, timing: Timing | None = None, **workload) -> dict[tuple, Line]:
    """(price, function, operation) -> least, expected, most."""
    found: dict[tuple, Line] = {}
    for usage in units(architecture, Workload(values=NOTHING, **workload), settings, timing):
        place = usage.price, usage.function, usage.operation
        before = found.get(place, (0, 0, 0))
        found[place] = before[0] + usage.low, before[1] + usage.quantity, before[2] + usage.high
    return found


def known(lines: dict[tuple, Line], price: str, function: str | None, operation: str) -> float:
    """The quantity of a line that the workload determines."""
    low, expected, high = lines.get((price, function, operation), (0, 0, 0))
    assert low == expected == high
    return expected


def test_what_a_small_batch_through_sqs_determines():
    """1,000 items, 100 in a chunk: 10 chunks of 3 KB in one segment, one window, one send."""
    lines = planned("sqs", TEN, items=1000)
    assert known(lines, "lambda.requests", BATCHER, "invoke") == 1  # it starts the batch and makes the segment
    assert known(lines, "sqs.requests", BATCHER, "SendMessage") == 2  # check, nudge
    assert known(lines, "sqs.requests", BATCHER, "SendMessageBatch") == 1
    assert known(lines, "dynamodb.write_units", BATCHER, "PutItem") == 2  # the batch record, its line in the list
    assert known(lines, "dynamodb.write_units", BATCHER, "BatchWriteItem") == 10
    assert known(lines, "dynamodb.write_units", BATCHER, "UpdateItem") == 3  # claim, cursor, seal
    assert known(lines, "dynamodb.read_units", BATCHER, "GetItem") == 1  # before the window
    assert known(lines, "dynamodb.write_units", PROCESSOR, "UpdateItem") == 10
    assert known(lines, "dynamodb.write_units", PROCESSOR, "BatchWriteItem") == 10
    assert known(lines, "events.published", BATCHER, "PutEvents") == 1
    assert known(lines, "events.published", FINALIZER, "PutEvents") == 1


def test_what_time_decides_of_a_small_batch_through_sqs():
    lines = planned("sqs", TEN, items=1000)
    assert lines["lambda.requests", PROCESSOR, "invoke"] == (1, 1, 10)
    assert lines["sqs.requests", PROCESSOR, "ReceiveMessage"] == (1, 1, 10)
    assert lines["sqs.requests", PROCESSOR, "DeleteMessageBatch"] == (1, 1, 10)
    assert lines["dynamodb.read_units", PROCESSOR, "Query"] == (1, 1, 10)
    assert lines["dynamodb.read_units", PROCESSOR, "GetItem"] == (1, 1, 10)
    # Whoever of at most four that run at a time looks last.
    assert lines["sqs.requests", PROCESSOR, "SendMessage"] == (0, 1, 4)
    # The check message every 2 of 300 s, twice beyond; the batcher's nudge and the processors'.
    assert lines["lambda.requests", FINALIZER, "invoke"] == (1, 3, 152 + 1 + 4)
    # The ending and the announcement; what an earlier look saw.
    assert lines["dynamodb.write_units", FINALIZER, "UpdateItem"] == (2, 3, 2 + 156)
    assert ("sqs.requests", PROCESSOR, "ChangeMessageVisibility") not in lines


def test_timing_moves_what_is_expected_and_no_bound():
    without, timed = planned("sqs", TEN, items=1000), planned("sqs", TEN, TIMING, items=1000)
    assert timed["lambda.requests", PROCESSOR, "invoke"] == (1, 3, 10)
    for place, (low, _, high) in without.items():
        assert (low, high) == (timed[place][0], timed[place][2])


def test_segments_of_a_large_batch_are_counted_each():
    """200 chunks in 5 segments of 40: a lane each; a claim, a window and a seal each."""
    lines = planned(
        "sqs",
        TEN,
        items=2000 * 10,
    )
    assert known(lines, "lambda.requests", BATCHER, "invoke") == 5
    assert known(lines, "dynamodb.write_units", BATCHER, "UpdateItem") == 15
    # Before each window, and in each lane but the one of the batcher that starts the batch.
    assert known(lines, "dynamodb.read_units", BATCHER, "GetItem") == 9
    assert known(lines, "dynamodb.write_units", BATCHER, "BatchWriteItem") == 200
    assert known(lines, "sqs.requests", BATCHER, "SendMessageBatch") == 5 * 4


def test_a_check_between_two_segments_of_a_lane_may_invoke_one_batcher_more():
    """6 segments in five lanes; a check every 2 of 300 s, twice beyond, may find any of them between two."""
    lines = planned("sqs", TEN, items=2400 * 10)
    assert lines["lambda.requests", BATCHER, "invoke"] == (5, 5, 5 + 5 * 152)
    assert lines["dynamodb.write_units", BATCHER, "UpdateItem:failed-condition"] == (0, 0, 5 * 152)


def test_messages_are_billed_in_steps_of_64_kb():
    """Chunks of one item, 146 bytes beside it: ten are 130,460, 131,460 and 198,460 bytes; a step is 65,536."""
    one = Settings(items_per_chunk=1)
    few, more, most = (planned("sqs", one, items=10, item_bytes=size) for size in (12_900, 13_000, 19_700))
    assert known(few, "sqs.requests", BATCHER, "SendMessageBatch") == 2
    assert known(more, "sqs.requests", BATCHER, "SendMessageBatch") == 3
    assert known(most, "sqs.requests", BATCHER, "SendMessageBatch") == 4
    assert known(most, "s3.gets", BATCHER, "GetObject") == 1 + 1


def test_an_empty_batch_through_sqs_has_no_processor():
    lines = planned("sqs", TEN, items=0)
    assert {function for _, function, _ in lines} == {BATCHER, FINALIZER}
    assert known(lines, "lambda.requests", BATCHER, "invoke") == 1
    assert known(lines, "dynamodb.write_units", BATCHER, "UpdateItem") == 2  # claim, seal


def test_every_item_fails_twice_through_sqs():
    """60 items, 6 chunks, 2 attempts: 12 claims, 6 releases."""
    settings = Settings(items_per_chunk=10, batch_size=10, max_attempts=2)
    lines = planned("sqs", settings, items=60, fail_rate=1)
    assert known(lines, "dynamodb.write_units", PROCESSOR, "UpdateItem") == 12 + 6
    assert known(lines, "dynamodb.write_units", PROCESSOR, "BatchWriteItem") == 60 + 6 + 6  # items, counts, deletes
    assert known(lines, "sqs.requests", PROCESSOR, "ChangeMessageVisibility") == 6
    assert lines["lambda.requests", PROCESSOR, "invoke"] == (2, 2, 12)
    assert lines["sqs.requests", PROCESSOR, "DeleteMessageBatch"] == (1, 2, 6)


def test_a_share_of_failing_items_is_bounded_by_chance():
    """A tenth of 10,000 items, 6 standard deviations of sqrt(10,000 x 0.1 x 0.9) = 30; of 100 chunks two may have none.

    Each chunk that has some has a record that counts them.
    """
    lines = planned("sqs", Settings(), items=10_000, fail_rate=0.1)
    assert lines["dynamodb.write_units", PROCESSOR, "BatchWriteItem"] == pytest.approx(
        (820 + 98 + 100, 1000 + 100 + 100, 1180 + 100 + 100), abs=0.01
    )


def test_a_short_last_chunk_may_have_no_failing_item():
    """Ten chunks of 1,000 items, of which nearly a third fail, are sure to have one; the eleventh, of one, is not."""
    lines = planned("sfn", Settings(items_per_chunk=1000), items=10_001, fail_rate=0.3)
    low, expected, high = lines["lambda.requests", RECORDER, "invoke"]
    assert (low, high) == (10, 11)
    assert 10 < expected <= 11


def test_large_bitmaps_are_larger_records():
    """A bitmap of 10,000 items is 1,250 bytes: two write units a touch from the first partial failure on."""
    settings = Settings(items_per_chunk=10_000, max_attempts=2)
    lines = planned("sqs", settings, items=20_000, fail_rate=1)
    # 2 first claims of one unit; second claims and releases: 4 of two.
    assert known(lines, "dynamodb.write_units", PROCESSOR, "UpdateItem") == 2 + 4 * 2
    assert known(lines, "dynamodb.write_units", PROCESSOR, "BatchWriteItem") == 20_000 + 2 + 2 * 2


def test_the_batch_record_with_many_segments_is_large():
    """1,000 segments' numbers are nearly 3 KB: the first seals are billed as more than one unit."""
    settings = Settings(chunks_per_segment=1)
    lines = planned("sqs", settings, items=100_000)
    low, _, high = lines["dynamodb.write_units", BATCHER, "UpdateItem"]
    assert 2000 + 1000 < low < high < 2000 + 4 * 1000
    assert known(lines, "dynamodb.write_units", BATCHER, "PutItem") == 4 + 1


def test_what_a_batch_through_step_functions_determines():
    """1,000 items, 10 chunks, two children, which read their chunks: three states each, and three of each chunk."""
    lines = planned("sfn", Settings(child_type="STANDARD"), items=1000)
    assert known(lines, "states.transitions", None, "parent") == 6
    assert known(lines, "states.transitions", None, "children") == 2
    assert known(lines, "states.transitions", None, "child") == 2 * 3 + 10 * 3
    assert known(lines, "lambda.requests", BATCHER, "invoke") == 1
    assert known(lines, "lambda.requests", PROCESSOR, "invoke") == 1 + 10
    assert known(lines, "lambda.requests", FINALIZER, "invoke") == 1
    assert known(lines, "s3.puts", BATCHER, "PutObject") == 4  # started, chunks, children, made
    assert known(lines, "s3.gets", BATCHER, "GetObject") == 1
    assert known(lines, "s3.gets", FINALIZER, "GetObject") == 4  # made, no further Map Run, no progress, not ended
    assert known(lines, "s3.puts", FINALIZER, "ListObjectsV2") == 2  # what is left, what failed
    assert known(lines, "s3.puts", FINALIZER, "PutObject") == 2
    assert known(lines, "s3.gets", None, "GetObject") == 1 + 2  # the Map's input, the chunks of each child
    assert known(lines, "s3.puts", None, "PutObject") == 4  # its results
    assert known(lines, "events.published", BATCHER, "PutEvents") == 1
    assert known(lines, "events.published", FINALIZER, "PutEvents") == 1


def test_failing_chunks_through_step_functions():
    """6 chunks, 3 attempts: Process and Outcome three times, two waits, Record failure: nine states each.

    And three of each of the two children.
    """
    lines = planned("sfn", Settings(child_type="STANDARD", items_per_chunk=10), items=60, fail_rate=1)
    assert known(lines, "states.transitions", None, "child") == 6 * 9 + 2 * 3
    assert known(lines, "lambda.requests", PROCESSOR, "invoke") == 1 + 18
    assert known(lines, "lambda.requests", RECORDER, "invoke") == 6
    assert known(lines, "s3.puts", RECORDER, "PutObject") == 6


def test_an_empty_batch_through_step_functions_has_no_map():
    lines = planned("sfn", Settings(), items=0)
    assert known(lines, "states.transitions", None, "parent") == 4
    assert not [place for place in lines if place[1] == PROCESSOR or place[2] == "children"]
    assert known(lines, "s3.puts", BATCHER, "PutObject") == 2


def test_a_large_input_of_the_map_is_uploaded_in_parts():
    """300 chunks of 2 items, 100,000 bytes each: 60 MB in parts of 42 chunks, and the rest.

    They are too heavy for a child, and each of 300 processors reads its own.
    """
    lines = planned("sfn", Settings(), items=600, item_bytes=100_000)
    assert known(lines, "states.transitions", None, "children") == 300 / 50
    assert known(lines, "s3.gets", None, "GetObject") == 1
    low, _, high = lines["s3.gets", PROCESSOR, "GetObject"]
    assert (low, high) == (300 + 1, 300 + 300)
    assert known(lines, "s3.puts", BATCHER, "UploadPart") == math.ceil(300 / 42)
    assert known(lines, "s3.puts", BATCHER, "CreateMultipartUpload") == 1
    assert known(lines, "s3.puts", BATCHER, "ListParts") == 1
    assert known(lines, "s3.puts", BATCHER, "CompleteMultipartUpload") == 1
    # A further round stores the lengths of its chunks, is two states more, and there are no more rounds than parts.
    assert lines["s3.puts", BATCHER, "PutObject"] == (3, 3, 3 + 7)
    assert lines["states.transitions", None, "parent"] == (6, 6, 6 + 2 * 7)


def test_express_children_are_requests_and_memory_times_time():
    """AWS: $0.0000001042 for each 100 ms at 64 MB, $1 a million requests. 5 s of children here."""
    lines = planned("sfn", Settings(), TIMING, items=1000)
    assert known(lines, "states.express_requests", None, "child") == 2
    seconds = known(lines, "states.express_gb_seconds", None, "child")
    assert seconds == 5 * 64 / 1024
    assert ("states.transitions", None, "child") not in lines
    book = PriceBook.load()
    assert book.dollars("states.express_gb_seconds", seconds) == pytest.approx(50 * 0.0000001042, rel=1e-3)
    assert book.dollars("states.express_requests", 1_000_000) == pytest.approx(1)


@pytest.mark.parametrize(("megabytes", "gigabytes"), [(0, 64 / 1024), (14, 64 / 1024), (15, 128 / 1024)])
def test_express_memory_is_billed_in_64_mb(megabytes, gigabytes):
    """50 MB and the definition."""
    assert express_memory_gb(megabytes * 1024 * 1024) == gigabytes


def test_gigabyte_seconds_tell_own_work_from_orchestration():
    """8 s of the processor at 512 MB, 6 of them work; 1.6 s of the others at 256 MB."""
    settings = Settings(processor_memory=512, cpu_architecture="x86_64")
    usages = units("sqs", Workload(items=1000, values=NOTHING), settings, TIMING)

    def seconds(own: bool) -> float:
        return sum(each.quantity for each in usages if each.price == "lambda.gb_seconds.x86_64" and each.own is own)

    assert seconds(own=True) == 6 * 0.5
    assert seconds(own=False) == pytest.approx(2 * 0.5 + 1.6 * 0.25)


def test_metrics_are_paid_for_the_hours_of_the_clock():
    lines = planned("sqs", Settings(custom_metrics="ENABLED"), TIMING, items=1000)
    expected = (1 + 20 / 3600) / 730
    assert lines["cloudwatch.metric_months", None, "ItemsProcessed"] == pytest.approx((1 / 730, expected, 7 / 730))
    assert known(lines, "cloudwatch.metric_months", None, "BatchesFinished") == 1 / 730


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_no_metric_is_paid_unless_a_parameter_asks_for_them(architecture):
    usages = units(architecture, Workload(items=1000, values=NOTHING), Settings(), TIMING)
    assert not [usage for usage in usages if usage.price == "cloudwatch.metric_months"]


def test_work_that_may_overrun_the_timeout_widens_the_bounds():
    """Ten chunks of ten items of 1 s, one at a time: 100 s of work an invocation that may take 60."""
    slow = Workload(items=1000, values=Distribution.parse("constant:1000"))
    settings = Settings(items_per_chunk=10, batch_size=10, item_concurrency=1)
    invocations = next(
        u for u in units("sqs", slow, settings, None) if (u.price, u.function) == ("lambda.requests", PROCESSOR)
    )
    # An invocation that runs out of time has worked for 60 - 4 - 1 s at least: 1,000 s hold 19 of these.
    assert (invocations.low, invocations.high) == (10, 100 + 19 + 19 * 9)


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_quantities_lie_within_their_bounds_at_any_size(architecture):
    for items in (0, 1, 999, 1_000_000, 100_000_000):
        for rate in (0.0, 0.01, 1.0):
            workload = Workload(items=items, values=Distribution.parse("uniform:0-1000"), fail_rate=rate)
            for usage in units(architecture, workload, Settings(), TIMING):
                assert_in_order(usage)


def assert_in_order(usage: Usage) -> None:
    assert usage.low is not None
    assert usage.high is not None
    assert 0 <= usage.low <= usage.quantity <= usage.high, usage


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 1), ("7", 2), ("12", 2), ("123", 3), ("-123", 3), ("1000", 2), ("1795000000123", 8), ("1200", 2)],
)
def test_the_size_of_a_number(text, size):
    """A byte for two significant digits, and one."""
    assert number_bytes(text) == size


def test_the_size_of_a_record():
    """Names and values: PK 2 + 3, n 1 + 2, flag 4 + 1, b 1 + 4, set 3 + 2 + 2."""
    record = {"PK": {"S": "a#é"[:2] + "b"}, "n": {"N": "5"}, "flag": {"BOOL": True}, "b": {"B": b"1234"}}
    assert record_bytes(record | {"set": {"NS": ["1", "2"]}}) == 5 + 3 + 5 + 5 + 7


def test_children_hand_on_what_they_have_no_time_to_begin():
    """1,000 chunks of 30 s, eight in turn: of two minutes 90 s are sure, three chunks; five are for another Map Run.

    Each of the Map Runs begins three eighths of what there is: 1,000 * 0.625^n is below one after 15 of them.
    """
    batch = workload(100_000, "constant:3000")
    found = left(batch, Settings(), sfn_shape(batch, Settings(), 30), chunk_seconds=30)
    assert (found.chunks, found.runs) == (pytest.approx(1000 * 5 / 3), 1 + 15)
    assert found.children == pytest.approx(28 * 8 / 3)
    assert found.most_runs >= 1 + 8
    assert left(batch, Settings(), sfn_shape(batch, Settings(), 30), chunk_seconds=9).chunks == 0
    standard = Settings(child_type="STANDARD")
    assert left(batch, standard, sfn_shape(batch, standard, 30), chunk_seconds=30).chunks == 0


def test_a_batch_whose_chunks_are_short_is_sure_to_be_through_in_one_map_run():
    batch = workload(100_000, "constant:20")
    assert left(batch, Settings(), sfn_shape(batch, Settings(), 30), chunk_seconds=0.2).most_runs == 1
