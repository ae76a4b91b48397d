"""The search over a planner that is plain arithmetic, whose best is known."""

from dataclasses import astuple, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costs.plan.limits import Impossible
from costs.tune.memory_curve import MemoryCurve
from costs.tune.search import BUDGET, SearchRequest, search
from costs.tune.space import Space
from tests.unit.tuning_plans import WORKLOAD, arithmetic


def found(deadline: float = 600, objective: str = "cost", **bounds):
    return search(SearchRequest(WORKLOAD, Space(**bounds), deadline, objective, arithmetic))


def test_the_same_search_finds_the_same() -> None:
    first, second = found(), found()
    assert [astuple(plan.settings) for plan in first.tried] == [astuple(plan.settings) for plan in second.tried]
    assert first.best == second.best


def test_no_setting_is_planned_twice_and_what_is_impossible_is_counted() -> None:
    asked = []

    def noting(architecture, workload, chosen):
        asked.append((architecture, chosen))
        return arithmetic(architecture, workload, chosen)

    result = search(SearchRequest(WORKLOAD, Space(), 600, "cost", noting))
    assert len(asked) == len(set(asked))
    assert result.impossible > 0
    assert len(asked) == len(result.tried) + result.impossible
    assert len(asked) <= 2 * BUDGET


def test_what_is_found_is_planned_as_it_is_recommended() -> None:
    def settling(architecture, workload, chosen):
        # As a planner does that cuts chunks to what fits a message.
        plan = arithmetic(architecture, workload, replace(chosen, items_per_chunk=min(100, chosen.items_per_chunk)))
        return replace(plan, warnings=() if plan.settings == chosen else ("chunks are cut",))

    result = search(SearchRequest(WORKLOAD, Space(), 600, "cost", settling))
    assert result.best
    assert not any(plan.warnings for plan in result.tried)


def test_refinement_goes_beyond_the_grid_to_the_best_there_is() -> None:
    # The best chunk is the longest that the timeout allows, and few processors are cheapest: neither is on the grid.
    best = found(deadline=3600).best
    assert best
    assert (best.architecture, best.settings.items_per_chunk, best.settings.item_concurrency) == ("sqs", 10_000, 100)
    assert best.settings.max_concurrency == 2


@given(st.floats(6, 5000), st.sampled_from(["cost", "speed", "balanced"]))
@settings(max_examples=15)
def test_what_is_recommended_meets_the_deadline_and_nothing_tried_is_preferable(deadline, objective) -> None:
    result = found(deadline, objective)
    if result.best is None:
        assert result.fastest.seconds > deadline
        return
    assert result.best.seconds <= deadline
    assert result.best in result.front
    for plan in result.tried:
        assert plan.dollars > result.best.dollars or plan.seconds >= result.best.seconds or plan.dollars == 0


def test_a_deadline_that_nothing_meets_leaves_no_recommendation_but_the_fastest() -> None:
    result = found(deadline=1)
    assert result.best is None
    assert result.fastest.seconds == min(plan.seconds for plan in result.tried)


def test_what_the_work_does_not_stand_is_never_tried() -> None:
    result = found(max_concurrency=37, max_item_concurrency=1)
    assert {plan.settings.item_concurrency for plan in result.tried} == {1}
    assert max(plan.settings.max_concurrency for plan in result.tried) == 37
    assert max(plan.settings.pollers or 0 for plan in result.tried) <= 3


def test_one_architecture_alone() -> None:
    assert {plan.architecture for plan in found(architectures=["sfn"]).tried} == {"sfn"}


def test_memory_is_searched_along_its_curve() -> None:
    # Twice the memory in a third of the time is cheaper; four times in the same time is not.
    curve = MemoryCurve.parse("256=300,512=100,2048=100")
    assert found(curve=curve).best.settings.processor_memory == 512


def test_the_budget_bounds_the_plans_of_an_architecture() -> None:
    result = search(SearchRequest(WORKLOAD, Space(), 600, "cost", arithmetic, budget=50))
    assert len(result.tried) + result.impossible <= 100


def test_nothing_possible_at_all_is_no_error_of_the_search() -> None:
    def refusing(architecture, workload, chosen):
        raise Impossible("sqs.message_bytes", "an item fits no chunk")

    result = search(SearchRequest(WORKLOAD, Space(), 600, "cost", refusing))
    assert (result.best, result.tried, result.front) == (None, (), ())
    assert result.impossible > 0


@pytest.mark.parametrize("name", ["sqs", "sfn"])
def test_the_coarse_grid_has_a_choice_of_every_axis(name: str) -> None:
    for axis in Space().axes[name]:
        assert any(coarse for _, coarse in axis)
