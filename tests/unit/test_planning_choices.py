"""What is said of a bottleneck, and the alternatives."""

from dataclasses import replace

import pytest

from costs.plan.alternatives import durable, fifo
from costs.plan.bottleneck import advice, described
from costs.plan.settings import Settings
from tests.unit.planning import PLANNER, planned, workload


# --------------------------------------------------------------------------------------------------------- bottlenecks
def test_a_bottleneck_is_told_with_its_figure() -> None:
    assert described(planned("sqs", 1_000_000), PLANNER.quotas) == "MaxConcurrency, 10 processors at a time"


@pytest.mark.parametrize("name", [figure.name for figure in PLANNER.quotas.figures])
def test_there_is_something_to_say_of_every_quota(name: str) -> None:
    assert advice(name, PLANNER.quotas)


def test_every_bottleneck_of_many_batches_can_be_told() -> None:
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
                    assert advice(plan.bottleneck, PLANNER.quotas)
    assert len(seen) >= 8, seen


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
    plan = planned("sfn", 5_000_000, "constant:100", items_per_chunk=1, max_concurrency=1000)
    assert "durable.operations" in (durable(plan, PLANNER).refused or "")


def test_a_fifo_queue_that_cannot_work_the_batch_off_says_so() -> None:
    """Ten messages an invocation instead of a hundred take longer than the longest deadline."""
    plan = planned("sqs", 70_000_000, "constant:0", items_per_chunk=1, batch_size=100, max_concurrency=2)
    found = fifo(plan, PLANNER)
    assert "DeadlineSeconds" in (found.refused or "")
    assert found.to_json()["dollars"] is None


def test_checks_and_nudges_beside_a_fifo_queue_of_chunks_are_sent_as_before() -> None:
    found = fifo(planned("sqs", 1_000_000), PLANNER)
    prices = {line.usage.what: line.usage.price for line in found.bill.lines}
    nudging = prices["the check message, and the nudge after sealing"]
    assert (prices["sending chunks"], nudging) == ("sqs.fifo_requests", "sqs.requests")


@pytest.mark.parametrize("quota", [{"durable.operations": 2}, {"durable.persisted_bytes": 200}])
def test_durable_functions_without_room_for_a_chunk_are_refused(quota: dict[str, float]) -> None:
    planner = replace(PLANNER, quotas=PLANNER.quotas.with_(quota))
    assert next(iter(quota)) in (durable(planned("sfn", 1000), planner).refused or "")


def test_one_execution_is_told_as_one() -> None:
    assert durable(planned("sfn", 1000), PLANNER).limits[0].endswith("so 1 execution")
