"""The Pareto front and what is chosen from it."""

from hypothesis import given
from hypothesis import strategies as st

from costs.tune.pareto import choose, knee, pareto_front, thinned, within
from tests.unit.tuning_plans import StandIn

AMOUNTS = st.floats(min_value=0.001, max_value=1e6)
PLANS = st.lists(st.builds(StandIn, dollars=AMOUNTS, seconds=AMOUNTS), min_size=1, max_size=60)
# Few values, so that many are equal.
EQUALS = st.lists(
    st.builds(StandIn, dollars=st.sampled_from([1.0, 2.0, 3.0]), seconds=st.sampled_from([1.0, 2.0, 3.0])), min_size=1
)


def dominates(a: StandIn, b: StandIn) -> bool:
    """Whether `a` is at least as good in both, and better in one."""
    return a.dollars <= b.dollars and a.seconds <= b.seconds and (a.dollars, a.seconds) != (b.dollars, b.seconds)


@given(PLANS | EQUALS)
def test_no_plan_is_preferable_to_one_of_the_front(plans: list[StandIn]) -> None:
    assert not [each for each in pareto_front(plans) for plan in plans if dominates(plan, each)]


@given(PLANS | EQUALS)
def test_every_plan_beside_the_front_is_no_better_than_one_of_it(plans: list[StandIn]) -> None:
    front = pareto_front(plans)
    assert all(any(each.dollars <= p.dollars and each.seconds <= p.seconds for each in front) for p in plans)


@given(PLANS | EQUALS)
def test_the_front_goes_from_cheap_and_slow_to_dear_and_fast(plans: list[StandIn]) -> None:
    front = pareto_front(plans)
    assert list(front) == sorted(front, key=lambda plan: plan.dollars)
    assert len({plan.dollars for plan in front}) == len({plan.seconds for plan in front}) == len(front)


@given(PLANS, AMOUNTS, st.sampled_from(["cost", "speed", "balanced"]))
def test_what_is_chosen_meets_the_deadline_and_nothing_is_preferable(plans, deadline, objective) -> None:
    met = within(pareto_front(plans), deadline)
    if not met:
        assert all(plan.seconds > deadline for plan in plans)
        return
    chosen = choose(met, objective)
    assert chosen.seconds <= deadline
    assert not [plan for plan in plans if dominates(plan, chosen)]
    in_time = [plan for plan in plans if plan.seconds <= deadline]
    if objective == "cost":
        assert chosen.dollars <= min(plan.dollars for plan in in_time) * 1.005
    if objective == "speed":
        assert chosen.seconds <= min(plan.seconds for plan in in_time) * 1.005


def test_of_plans_that_hardly_differ_in_cost_the_fastest_is_the_cheapest() -> None:
    slow, fast, dear = (StandIn(dollars=d, seconds=s) for d, s in ((1.0, 300), (1.004, 100), (1.02, 50)))
    assert choose((slow, fast, dear), "cost") is fast


def test_the_knee_is_where_a_faster_plan_begins_to_cost_more_than_it_saves() -> None:
    front = tuple(StandIn(dollars=d, seconds=s) for d, s in ((1, 1000), (1.1, 500), (1.3, 100), (5, 90), (20, 80)))
    assert knee(front).seconds == 100


def test_a_front_without_a_bend_has_its_cheapest_as_knee() -> None:
    front = (StandIn(dollars=1, seconds=10), StandIn(dollars=2, seconds=5))
    assert knee(front) is front[0]


@given(PLANS, st.integers(4, 12), st.data())
def test_a_thinned_front_keeps_its_ends_and_what_it_was_told_to(plans, most, data) -> None:
    front = pareto_front(plans)
    keep = data.draw(st.sampled_from(front))
    rows = thinned(front, most, keep)
    assert len(rows) <= most
    assert {rows[0], rows[-1], keep} == {front[0], front[-1], keep}
    assert keep in rows
    assert list(rows) == [plan for plan in front if plan in rows]
