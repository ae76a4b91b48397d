"""What lifting a bottleneck brings, where the other choice becomes cheaper, and the alternatives."""

from dataclasses import replace
from pathlib import Path

import pytest

from costs.facts.prices import PriceBook
from costs.plan.alternatives import durable, fifo
from costs.plan.breakeven import EXPRESS, SQS, STANDARD, break_evens, crossing
from costs.plan.lift import advice, described, lifts
from costs.plan.settings import Settings
from tests.unit.planning import PLANNER, planned, workload


# ------------------------------------------------------------------------------------------------------------- lifting
def test_raising_the_concurrency_brings_what_it_says_until_the_ramp_binds() -> None:
    plan = planned("sqs", 1_000_000)
    assert described(plan, PLANNER.quotas) == "MaxConcurrency, 10 processors at a time"
    found = lifts(plan, Settings(), PLANNER)
    assert [each.option for each in found] == [
        "--max-concurrency 20", "--max-concurrency 100", "--max-concurrency 1000",
    ]  # fmt: skip
    assert found[0].plan.seconds == pytest.approx(plan.seconds / 2, rel=0.01)
    assert found[-1].plan.bottleneck == "lambda.sqs_ramp_per_minute"


def test_a_quota_is_lifted_with_what_would_not_let_it_be_used() -> None:
    asked = Settings(max_concurrency=1000)
    plan = planned("sqs", 100_000_000, max_concurrency=1000)
    assert plan.bottleneck == "lambda.concurrency"
    found = lifts(plan, asked, PLANNER)
    assert found[0].option == "--quota lambda.concurrency=2000 --pollers 200"
    assert found[0].plan.seconds == pytest.approx(plan.seconds / 2, rel=0.05)


@pytest.mark.parametrize("name", [figure.name for figure in PLANNER.quotas.figures])
def test_there_is_something_to_say_of_every_quota(name: str) -> None:
    assert advice(name, PLANNER.quotas)


def test_every_bottleneck_of_many_batches_can_be_told_and_lifted() -> None:
    seen = set()
    for architecture in ("sqs", "sfn"):
        for items in (1, 1000, 100_000, 10_000_000):
            for values in ("constant:0", "uniform:0-1000"):
                for asked in (
                    Settings(),
                    Settings(max_concurrency=1000, items_per_chunk=10, item_concurrency=1),
                    Settings(max_concurrency=1000, batch_size=10, child_type="STANDARD"),
                    Settings(pollers=100, item_concurrency=100),
                ):
                    plan = PLANNER(architecture, workload(items, values), asked)
                    seen.add(plan.bottleneck)
                    assert described(plan, PLANNER.quotas).startswith(plan.bottleneck)
                    for lifted in lifts(plan, asked, PLANNER):
                        assert lifted.plan.seconds <= plan.seconds * 1.01 or "items-per-chunk" in lifted.option
    assert len(seen) >= 8, seen


# ---------------------------------------------------------------------------------------------------------- break-even
def test_crossings_are_closed_in_on() -> None:
    assert crossing(1, 1_000_000, lambda at: at < 12_345) == pytest.approx(12_345, rel=0.02)


def test_large_batches_are_cheaper_with_sqs() -> None:
    by_size = break_evens(PLANNER, workload(1_000_000), Settings())[0]
    assert by_size.sides == (SQS.title, EXPRESS.title)
    assert by_size.stretches[-1].cheaper == SQS.title


def test_break_even_points_follow_the_prices(tmp_path: Path) -> None:
    """With writes that cost thirty times as much, SQS and DynamoDB pays off for small batches only."""
    prices = tmp_path / "prices.toml"
    prices.write_text('[[prices]]\nid = "dynamodb.write_units"\ntiers = [{ from = 0, usd = 20 }]\n')
    planner, asked = replace(PLANNER, book=PriceBook.load(prices)), Settings()
    first, last = break_evens(planner, workload(1_000_000), asked)[0].stretches
    assert (first.cheaper, last.cheaper) == (SQS.title, EXPRESS.title)
    for size, cheaper in ((first.end * 0.9, SQS), (first.end * 1.1, EXPRESS)):
        dollars = {side: side.dollars(planner, workload(round(size)), asked) for side in (SQS, EXPRESS)}
        assert min(dollars, key=lambda side: dollars[side] or 0) == cheaper


def test_stretches_cover_the_axis_and_say_what_is_impossible() -> None:
    for found in break_evens(PLANNER, workload(1_000_000), Settings()):
        ends = [stretch.end for stretch in found.stretches]
        assert [stretch.start for stretch in found.stretches[1:]] == ends[:-1]
        assert {stretch.cheaper for stretch in found.stretches} <= {*found.sides, None}
    by_work = break_evens(PLANNER, workload(1_000_000), Settings())[3]
    # A chunk of 100 items, ten at a time, has 300 s as an EXPRESS child: items of 30 s.
    assert by_work.stretches[-1].cheaper == STANDARD.title
    assert by_work.stretches[-1].only
    assert by_work.stretches[-1].start == pytest.approx(30_000, rel=0.03)


def test_standard_children_pay_off_when_they_last_long() -> None:
    """Four transitions are $100 a million; EXPRESS is $26 and $1.042 for every second at 64 MB: 71 seconds."""
    asked = Settings(items_per_chunk=1, function_timeout=120, max_attempts=1, max_concurrency=1000)
    by_work = break_evens(PLANNER, workload(10_000), asked)[3]
    express, standard = by_work.stretches
    assert (express.cheaper, standard.cheaper, standard.only) == (EXPRESS.title, STANDARD.title, False)
    assert express.end / 1000 == pytest.approx(71, rel=0.03)


# -------------------------------------------------------------------------------------------------------- alternatives
def test_a_fifo_queue_costs_a_quarter_more_for_its_requests() -> None:
    """$0.50 instead of $0.40 a million: 1,000 sends, 5,000 receives and 5,000 deletes are 11,000 requests."""
    plan = planned("sqs", 1_000_000)
    found = fifo(plan, PLANNER)
    assert found.bill.dollars - plan.dollars == pytest.approx(11_000 * 0.1e-6, rel=0.02)


def test_a_fifo_queue_takes_no_large_batches() -> None:
    found = fifo(planned("sqs", 1_000_000, batch_size=100), PLANNER)
    (received,) = [line.usage for line in found.bill.lines if line.usage.what == "receiving chunks"]
    assert received.quantity >= 1000


def test_durable_functions_pay_two_operations_a_chunk() -> None:
    """10,000 chunks at 1,499 an execution: 7 executions and one above; 2 x 10,000 + 7 + 1 + 2 x 7 operations."""
    found = durable(planned("sfn", 1_000_000), PLANNER)
    (operations,) = [line for line in found.bill.lines if line.usage.price == "lambda.durable_operations"]
    assert operations.usage.quantity == 20_022
    assert operations.dollars == pytest.approx(20_022 * 8e-6)
    assert not [line for line in found.bill.lines if line.usage.price.startswith("states.")]
    assert found.refused is None


def test_durable_functions_cannot_coordinate_a_chunk_per_item_of_a_large_batch() -> None:
    plan = planned("sfn", 10_000_000, "constant:100", items_per_chunk=1, max_concurrency=1000)
    assert "durable.operations" in (durable(plan, PLANNER).refused or "")


def test_a_fifo_queue_that_cannot_work_the_batch_off_says_so() -> None:
    """Ten messages an invocation instead of a hundred take longer than the longest deadline."""
    plan = planned("sqs", 70_000_000, "constant:0", items_per_chunk=1, batch_size=100, max_concurrency=2)
    found = fifo(plan, PLANNER)
    assert "DeadlineSeconds" in (found.refused or "")
    assert found.to_json()["dollars"] is None


def test_the_segments_of_a_fifo_queue_of_chunks_are_sent_as_before() -> None:
    found = fifo(planned("sqs", 1_000_000), PLANNER)
    prices = {line.usage.what: line.usage.price for line in found.bill.lines}
    assert (prices["sending chunks"], prices["sending segments"]) == ("sqs.fifo_requests", "sqs.requests")


@pytest.mark.parametrize("quota", [{"durable.operations": 2}, {"durable.persisted_bytes": 200}])
def test_durable_functions_without_room_for_a_chunk_are_refused(quota: dict[str, float]) -> None:
    planner = replace(PLANNER, quotas=PLANNER.quotas.with_(quota))
    assert next(iter(quota)) in (durable(planned("sfn", 1000), planner).refused or "")


def test_one_execution_is_told_as_one() -> None:
    assert durable(planned("sfn", 1000), PLANNER).limits[0].endswith("so 1 execution")
