"""Batches over time: worked examples by hand, and what holds for every batch."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from costs.plan.limits import Impossible
from costs.plan.plan import Plan
from costs.plan.queue import Limit
from costs.plan.settings import BATCHING_SECONDS, Settings
from costs.plan.throughput import processor_limits
from handlers.sfn.chunk_file import MAX_CHUNKS
from tests.unit.planning import PLANNER, planned, timing, workload

ARCHITECTURES = ("sqs", "sfn")
# Less of these is more: how long something takes, how much it needs.
OTHERWISE = {"lambda.memory_per_vcpu", "dynamodb.doubling_minutes"}
# These decide no duration.
NO_RATE = {"durable.operations", "durable.persisted_bytes", "sqs.fifo_batch_size"}
RATES = [figure.name for figure in PLANNER.quotas.figures if figure.name not in OTHERWISE | NO_RATE]


def limit(name: str, batch: Settings, mean_seconds: float = 1.0, job_bytes: float = 1000.0) -> Limit:
    """One of the limits of the processors at a time."""
    limits = processor_limits(batch, PLANNER.quotas, mean_seconds, job_bytes)
    (one,) = [each for each in limits if each.name == name]
    return one


def phase(found, name: str) -> float:
    """Its length in seconds."""
    (one,) = [each for each in found.phases if each.name == name]
    return one.end - one.start


# --------------------------------------------------------------------------------------------------- worked by hand
def test_a_chunk_per_item_is_bound_by_the_dispatch_of_children() -> None:
    """5 million children at 1,000 a second are 83.3 minutes, at 100 a second 13.9 hours."""
    unbatched = {"items_per_chunk": 1, "max_concurrency": 10_000, "quotas": {"lambda.concurrency": 10_000}}
    unbatched |= {"chunks_per_child": 1}
    express = timing("sfn", 5_000_000, "constant:500", **unbatched)
    assert phase(express, "chunks are processed") / 60 == pytest.approx(83.3, abs=0.1)
    assert express.bottleneck == "states.express_dispatch"
    standard = timing("sfn", 5_000_000, "constant:500", child_type="STANDARD", **unbatched)
    assert phase(standard, "chunks are processed") / 3600 == pytest.approx(13.9, abs=0.05)
    assert standard.bottleneck == "states.standard_dispatch"


def test_an_event_source_reaches_1250_in_a_little_over_four_minutes() -> None:
    """(1,250 - 5) / 300 = 4.15 minutes."""
    ramp = limit("lambda.sqs_ramp_per_minute", Settings(max_concurrency=1000))
    assert ramp.at(4.15 * 60) == pytest.approx(1250, abs=3)


def test_the_provisioned_mode_adds_a_thousand_a_minute() -> None:
    """From 2 pollers of 10 to 10,000 of them, 100,000 at a time: 100 minutes."""
    ramp = limit("lambda.provisioned_ramp_per_minute", Settings(pollers=10_000))
    assert ramp.at(99.98 * 60) == pytest.approx(100_000, abs=100)


def test_a_provisioned_poller_receives_a_megabyte_and_ten_times_a_second() -> None:
    """100 pollers: 5,000 invocations of 20 kB a second, or 1,000 polls; of a tenth of a second each, 500 and 100."""
    batch = Settings(pollers=100)
    assert limit("lambda.provisioned_poller_bytes", batch, 0.1, 20_000.0).at(0) == pytest.approx(500)
    assert limit("lambda.provisioned_poller_polls", batch, 0.1, 20_000.0).at(0) == pytest.approx(100)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_ten_processors_take_turns(architecture: str) -> None:
    """1,000 chunks of ten rounds of 100 ms, ten at a time: 100 s and, each, some calls of less than 100 ms."""
    found = timing(architecture, 100_000, "constant:100", batch_size=1)
    assert found.chunk_seconds == 1
    assert 100 <= found.seconds <= 120
    assert found.bottleneck == "MaxConcurrency"
    assert found.concurrency == 10


def test_writes_to_one_partition_bind_where_it_takes_few() -> None:
    """10,000 chunks are one shard's: 3 write units each, 100 of them a second are 300 s."""
    found = timing("sqs", 10_000, "constant:0", {"dynamodb.partition_writes": 100}, items_per_chunk=1)
    assert found.bottleneck == "dynamodb.partition_writes"
    assert 300 <= found.seconds <= 330
    free = timing("sqs", 10_000, "constant:0", items_per_chunk=1)
    assert found.batcher_ms - free.batcher_ms == pytest.approx((found.seconds - free.seconds) * 1000, rel=0.1), (
        "throttled calls wait in the batcher, and are paid"
    )


def test_processors_that_wait_for_the_table_are_paid() -> None:
    """Batchers take a third of the writes at least, and are done before the processors are, who then have them all."""
    limited = {"dynamodb.partition_writes": 100}
    batch = {"items_per_chunk": 1, "max_concurrency": 100, "batch_size": 10, "chunks_per_segment": 100_000}
    found = timing("sqs", 10_000, "constant:2000", limited, **batch)
    free = timing("sqs", 10_000, "constant:2000", **batch)
    assert found.processor_ms >= free.processor_ms
    assert found.seconds >= 10_000 * 3 / 100


def test_a_new_table_binds_until_it_has_doubled() -> None:
    found = timing(
        "sqs",
        10_000_000,
        "constant:0",
        {"dynamodb.table_writes_at_first": 200},
        items_per_chunk=10,
        max_concurrency=500,
    )
    assert found.bottleneck == "dynamodb.table_writes_at_first"
    # 3 million units: 200 a second, twice that from half an hour on, growing: well under 3M / 200.
    assert 3_000_000 / 1600 <= found.seconds <= 3_000_000 / 400


def test_messages_in_flight_bind_large_batches() -> None:
    found = timing("sqs", 3_000_000, "constant:1000", {"lambda.concurrency": 5000, "sqs.in_flight": 2000},
                   items_per_chunk=10, batch_size=20, max_concurrency=1000)  # fmt: skip
    assert found.bottleneck == "sqs.in_flight"
    assert found.concurrency == pytest.approx(100)


def test_one_batcher_of_step_functions_works_in_rounds() -> None:
    """100 million items at 4 us of a whole CPU are 2,765 s at 256 of 1,769 MB: 4 rounds of up to 880 s."""
    found = timing("sfn", 100_000_000, max_concurrency=10_000, quotas={"lambda.concurrency": 10_000})
    assert found.batcher_invocations == 4
    assert phase(found, "chunks are made") == pytest.approx(2765, rel=0.05)


def test_batchers_of_sqs_work_side_by_side() -> None:
    one = timing("sqs", 5_000_000, "constant:0", chunks_per_segment=100_000)
    five = timing("sqs", 5_000_000, "constant:0", chunks_per_segment=10_000)
    assert one.bottleneck == "ChunksPerSegment"
    assert phase(one, "chunks are made") == pytest.approx(5 * phase(five, "chunks are made"), rel=0.05)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_chunk_that_outlasts_its_invocation_goes_on_in_others(architecture: str) -> None:
    """10,000 items of half a second, ten at a time, are 500 s; an invocation of 60 s has a little over 57 for them."""
    found = timing(architecture, 100_000, "constant:500", items_per_chunk=10_000, batch_size=1, child_type="STANDARD")
    assert found.chunks == 10
    assert found.processor_invocations / 10 == pytest.approx(9, abs=0.5)
    assert found.cut_short == pytest.approx(80, abs=4)
    assert found.work_ms == 10 * 500_000


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("values", "invocations"), [("constant:50000", 1), ("constant:29000", 1), ("constant:30000", 2)]
)
def test_items_that_are_begun_are_finished(architecture: str, values: str, invocations: int) -> None:
    """An invocation of 60 s has 58 for items: of one thread's two a second one of 29 s begins, one of 30 s does not."""
    items = 1 if values == "constant:50000" else 2
    found = timing(architecture, 10 * items, values, items_per_chunk=items, item_concurrency=1, batch_size=1)
    assert found.processor_invocations == 10 * invocations


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_failures_take_further_rounds_after_their_delay(architecture: str) -> None:
    once = timing(architecture, 1000, "constant:100", fail_rate=0.5, max_attempts=1)
    thrice = timing(architecture, 1000, "constant:100", fail_rate=0.5, max_attempts=3, retry_delay_seconds=30)
    assert thrice.seconds - once.seconds == pytest.approx(2 * 30.5, abs=5)
    assert thrice.retried == pytest.approx(20)
    # About half the items of each chunk, five rounds of ten threads, twice more.
    assert thrice.work_ms == pytest.approx(10 * (1000 + 2 * 500), rel=0.1)
    assert thrice.bottleneck == "RetryDelaySeconds"


# ------------------------------------------------------------------------------------------------ what always holds
asked = st.fixed_dictionaries(
    {
        "items_per_chunk": st.sampled_from([1, 10, 100, 500]),
        "item_concurrency": st.sampled_from([1, 10, 100]),
        "max_concurrency": st.sampled_from([2, 10, 100, 1000]),
        "batch_size": st.sampled_from([1, 2, 10]),
        "pollers": st.sampled_from([None, None, 5, 1000]),
        "processor_memory": st.sampled_from([128, 1024, 10_240]),
    }
)
sizes = st.integers(0, 16).map(lambda exponent: round(10 ** (exponent / 2)))
works = st.sampled_from(["constant:0", "constant:20", "uniform:0-1000", "exponential:100"])


def assume_few_chunks(architecture: str, items: int, asked: dict) -> None:
    """Step Functions' batcher refuses more."""
    assume(architecture == "sqs" or items <= MAX_CHUNKS * asked["items_per_chunk"])


def slack(values: str, least: float) -> float:
    """How exact a duration is: one of random work rests on a sample of it."""
    return least if values.startswith("constant") else 0.06


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ARCHITECTURES), sizes, works, st.sampled_from([0.0, 0.01, 1.0]), asked)
def test_the_time_is_accounted_for(architecture: str, items: int, values: str, fail_rate: float, asked: dict) -> None:
    assume_few_chunks(architecture, items, asked)
    found = timing(architecture, items, values, fail_rate=fail_rate, **asked)
    batch = Settings(**asked)
    assert found.chunks == -(-items // batch.items_per_chunk)
    assert sum(found.bound_by.values()) == pytest.approx(found.seconds, rel=1e-3, abs=0.5)
    assert all(seconds >= -1e-6 for seconds in found.bound_by.values())
    assert found.bottleneck in found.bound_by
    invocations = found.processor_invocations * (batch.batch_size if architecture == "sqs" else 1)
    assert invocations >= found.chunks - 1e-6
    assert found.processor_ms >= found.work_ms - 1e-6
    assert found.cold_starts * PLANNER.assumptions["lambda.init_ms"] == pytest.approx(found.init_ms)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ARCHITECTURES), sizes, works, asked)
def test_no_batch_is_faster_than_its_work_divided_among_all(
    architecture: str, items: int, values: str, asked: dict
) -> None:
    assume_few_chunks(architecture, items, asked)
    found = timing(architecture, items, values, **asked)
    batch = Settings(**asked)
    at_a_time = min(PLANNER.quotas["lambda.concurrency"], found.concurrency)
    if architecture == "sfn" or batch.pollers is None:
        assert found.concurrency <= batch.max_concurrency
    slots = min(batch.item_concurrency, batch.items_per_chunk)
    assert found.seconds >= items * workload(items, values).values.mean / 1000 / (at_a_time * slots) * (
        1 - slack(values, 0.02)
    )


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ARCHITECTURES), sizes, works, asked, st.sampled_from(RATES), st.sampled_from([1.5, 10.0]))
def test_a_raised_quota_never_makes_a_batch_slower(
    architecture: str, items: int, values: str, asked: dict, quota: str, factor: float
) -> None:
    assume_few_chunks(architecture, items, asked)
    before = timing(architecture, items, values, **asked)
    after = timing(architecture, items, values, {quota: PLANNER.quotas[quota] * factor}, **asked)
    # How batchers and processors share a table's writes is solved in steps of time.
    assert after.seconds <= before.seconds * 1.01


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ARCHITECTURES), st.integers(0, 14).map(lambda n: round(10 ** (n / 2))), works, asked)
def test_ten_times_the_items_are_neither_cheaper_nor_faster(
    architecture: str, items: int, values: str, asked: dict
) -> None:
    assume_few_chunks(architecture, 10 * items, asked)
    try:
        few, many = planned(architecture, items, values, **asked), planned(architecture, 10 * items, values, **asked)
    except Impossible as impossible:
        assume(impossible.limit != "DeadlineSeconds")
        raise
    assert many.dollars >= few.dollars
    assert many.seconds >= few.seconds * (1 - slack(values, 0.001))


def objects_read(plan: Plan) -> list[float]:
    return [line.usage.quantity for line in plan.bill.lines if line.usage.price == "s3.gets"]


def test_a_file_of_large_items_is_read_in_as_many_segments_as_its_bytes_are() -> None:
    # 10 GB look like 100 million items, and a segment is 10,000 chunks of 100 of them. Five lanes go on once.
    large = planned("sqs", 1_000_000, item_bytes=9_999)
    assert large.timing.batcher_invocations == 10
    assert objects_read(large) == [1 + 100 + 5]
    # Items twice as long as a segment, so that every other one is empty, and looked at all the same.
    small = planned("sqs", 10, item_bytes=99_999, items_per_chunk=1, chunks_per_segment=500)
    assert small.timing.batcher_invocations == 5
    assert objects_read(small) == [1 + 20]


def test_the_longest_of_all_batches_has_an_end() -> None:
    found = timing(
        "sfn", 5_000_000, "constant:0", fail_rate=1.0, items_per_chunk=1, max_concurrency=1, max_attempts=10,
        retry_delay_seconds=900, child_type="STANDARD",
    )  # fmt: skip
    assert found.seconds == pytest.approx(5_000_000 * 9 * 900, rel=0.01)


def test_the_same_batch_has_the_same_plan() -> None:
    assert planned("sqs", 123_456).to_json() == planned("sqs", 123_456).to_json()


def test_every_quota_is_read_by_a_plan() -> None:
    """One that no plan reads would be a figure without a meaning."""
    batch = workload(100_000_000, "constant:20")
    used = set()

    class Watched(type(PLANNER.quotas)):  # type: ignore[misc]
        def figure(self, name: str):
            used.add(name)
            return super().figure(name)

    watched = Watched(PLANNER.quotas.figures)
    for settings_ in (Settings(max_concurrency=1000), Settings(pollers=100), Settings(child_type="STANDARD")):
        for architecture in ARCHITECTURES:
            replace(PLANNER, quotas=watched)(architecture, batch, replace(settings_, deadline_seconds=1_000_000))
    from costs.plan.alternatives import alternatives

    planner = replace(PLANNER, quotas=watched)
    alternatives({each: planned(each, 1000) for each in ARCHITECTURES}, planner)
    assert used == {figure.name for figure in watched.figures}


@pytest.mark.parametrize("values", ["uniform:0-1000", "constant:0"])
def test_an_only_chunk_that_fails_comes_again_alone_however_large_batches_may_be(values: str) -> None:
    """Of ten or a hundred messages that an invocation may get there is one; its attempts follow one another."""
    found = [timing("sqs", 100, values, fail_rate=1.0, batch_size=size) for size in (2, 10, 100)]
    assert [each.concurrency for each in found] == [1, 1, 1]
    assert [each.processor_invocations for each in found] == [3, 3, 3]
    # Beyond ten messages an invocation waits a second for more.
    assert [each.seconds for each in found] == pytest.approx([found[0].seconds] * 3, abs=BATCHING_SECONDS)
