"""Which plans are confirmed, with how many items, and what these are."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from costs.plan.distribution import Distribution
from costs.plan.settings import Settings, Workload
from costs.tune.confirmation import (
    FEWEST_CHUNKS,
    PROCESSORS,
    SECONDS,
    item_lines,
    plans_to_confirm,
    small_batch_items,
)
from costs.tune.search import SearchRequest
from costs.tune.space import Space
from costs.tune.study import study
from tests.unit.tuning_plans import WORKLOAD, arithmetic


def test_the_best_few_begin_with_the_recommendation_and_have_both_architectures() -> None:
    made = study(SearchRequest(WORKLOAD, Space(), 600, "cost", arithmetic, budget=100))
    chosen = plans_to_confirm(made, 4)
    assert chosen[0] is made.best
    assert {plan.architecture for plan in chosen[:2]} == {"sqs", "sfn"}
    assert all(made.request.meets(plan) for plan in chosen)
    alike = [(plan.architecture, replace(plan.settings, max_concurrency=1, pollers=None)) for plan in chosen]
    assert len(set(alike)) == len(alike)


@given(st.integers(1, 10_000), st.floats(0.01, 100))
def test_a_confirming_batch_has_full_chunks_enough_of_them_and_a_minute_of_work(size: int, seconds: float) -> None:
    items = small_batch_items(Settings(items_per_chunk=size), seconds)
    chunks = items // size
    assert items % size == 0
    assert chunks >= FEWEST_CHUNKS
    assert chunks == FEWEST_CHUNKS or chunks * seconds / PROCESSORS <= SECONDS


def test_items_are_as_long_as_the_workloads_and_fail_as_often() -> None:
    workload = Workload(items=2_000, values=Distribution.parse("lognormal:20,0.5"), item_bytes=150, fail_rate=0.1)
    made = list(item_lines(workload))
    assert {len(line) for line in made} == {150}
    items = [json.loads(line) for line in made]
    assert len({item["id"] for item in items}) == 2_000
    assert 150 <= sum("fail" in item for item in items) <= 250
    assert list(item_lines(workload)) == made
