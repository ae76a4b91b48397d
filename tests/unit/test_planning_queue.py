"""Jobs over time: schedules worked out by hand, and what holds for any number of them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costs.plan.queue import (
    SCHEDULED,
    Arrivals,
    Limit,
    Places,
    QueueRun,
    behind,
    run_jobs,
    scheduled_in_order,
    steady,
)

AT_ONCE = 1e9


def worked(jobs: int, places: float, seconds: float = 1.0, rate: float = AT_ONCE) -> QueueRun:
    return run_jobs(jobs, [seconds], steady(0.0, rate, jobs, "arrivals"), Places([Limit("places", places)]))


@pytest.mark.parametrize(("jobs", "places", "end"), [(1, 10, 2), (10, 10, 2), (11, 10, 4), (100, 10, 20), (5, 1, 10)])
def test_jobs_of_two_seconds_come_in_waves(jobs: int, places: int, end: float) -> None:
    assert worked(jobs, places, 2.0).end == pytest.approx(end, abs=1e-6)


def test_a_job_takes_the_place_that_is_free_first() -> None:
    lengths = [5.0, 1.0, 3.0, 4.0]
    assert scheduled_in_order([0.0] * 4, lengths, [0.0] * 2) == ([0, 0, 1, 4], [5, 1, 4, 8])


def test_places_that_open_over_time_are_taken_as_they_open() -> None:
    """Five at once and one more every second: ten jobs of 100 seconds begin at 0 (five), 1, 2, 3, 4 and 5."""
    found = run_jobs(10, [100.0], steady(0.0, AT_ONCE, 10, "arrivals"), Places([Limit("ramp", 5, 1)]))
    assert found.last_start == pytest.approx(5, abs=0.01)
    assert found.bound_by["ramp"] == pytest.approx(5, abs=0.01)
    assert found.peak == 10


def test_what_arrives_slowly_is_waited_for() -> None:
    found = worked(1000, places=100, seconds=1.0, rate=10)
    assert found.end == pytest.approx(101, abs=0.2)
    assert found.bound_by["arrivals"] == pytest.approx(100, abs=0.2)
    assert found.peak == pytest.approx(10, abs=1)


@pytest.mark.parametrize("jobs", [SCHEDULED + 1, 10 * SCHEDULED, 100_000_000])
def test_those_that_flow_take_as_long_as_their_waves(jobs: int) -> None:
    assert worked(jobs, 10).end == pytest.approx(jobs / 10, rel=1e-3)
    assert worked(jobs, 1000, rate=100).end == pytest.approx(1 + jobs / 100, rel=1e-3)
    assert worked(jobs, 1000, rate=100).peak == pytest.approx(100, rel=0.02)


def test_who_binds_is_told_for_all_of_the_time() -> None:
    """A ramp of one a second to ten, from one: it binds for 9 seconds, then the ten do."""
    jobs = 5 * SCHEDULED
    places = Places([Limit("ten", 10), Limit("ramp", 1, 1)])
    found = run_jobs(jobs, [1.0], steady(0.0, AT_ONCE, jobs, "arrivals"), places)
    assert found.bound_by["ramp"] == pytest.approx(9, abs=0.5)
    assert sum(found.bound_by.values()) == pytest.approx(found.last_start, rel=1e-6)


def test_what_lets_few_through_holds_the_others_up() -> None:
    """1,000 jobs in 10 s, of which 50 a second get through at first, and 200 from the tenth second on: 12.5 s."""
    before = steady(0.0, 100, 1000, "arrivals")
    after = behind(before, lambda time: (50.0 if time < 10 else 200.0, "gate"))
    assert after.times[-1] == pytest.approx(12.5, abs=0.2)
    assert after.counts[-1] == 1000
    ends = zip(after.times, after.times[1:], after.counts[1:], strict=False)
    waiting = sum(end - start for start, end, count in ends if before.at(end) > count + 1)
    assert waiting == pytest.approx(12.5, abs=0.3)
    stretches = zip(after.times, after.times[1:], after.names, strict=False)
    assert sum(end - start for start, end, name in stretches if name == "gate") == pytest.approx(12.5, abs=0.3)


def test_what_lets_enough_through_changes_nothing() -> None:
    before = steady(0.0, 100, 1000, "arrivals")
    assert behind(before, lambda _: (100.0, "gate")) is before


@settings(max_examples=30)
@given(
    jobs=st.integers(1, 3 * SCHEDULED),
    more=st.integers(1, 50_000),
    places=st.integers(1, 2000),
    rate=st.sampled_from([1.0, 50.0, 1000.0, AT_ONCE]),
    seed=st.integers(0, 5),
)
def test_more_jobs_never_end_sooner_and_more_places_never_later(
    jobs: int, more: int, places: int, rate: float, seed: int
) -> None:
    drawn = random.Random(seed)
    seconds = [drawn.expovariate(0.5) for _ in range(500)]
    # The average of a long sum, for the jobs that flow.
    mean = sum(seconds) / len(seconds)

    def end(jobs: int, places: float, rate: float) -> float:
        arrivals = Arrivals([1.0, 1.0 + 1e6], [0.0, 1e6 * rate], ["arrivals"])
        return run_jobs(jobs, seconds, arrivals, Places([Limit("places", places)])).end

    base = end(jobs, places, rate)
    scheduled = min(jobs, SCHEDULED)
    whole, rest = divmod(scheduled, len(seconds))
    work = whole * sum(seconds) + sum(seconds[:rest])
    assert base >= work / places + (jobs - scheduled) * mean / places
    assert end(jobs + more, places, rate) >= base - 1e-6
    assert end(jobs, places + 1, rate) <= base + 1e-6
    assert end(jobs, places, rate * 2) <= base + 1e-6


def test_the_lowest_limit_binds_and_of_equal_ones_the_first() -> None:
    places = Places([Limit("first", 10), Limit("second", 10), Limit("slow", 0, 1), Limit("fast", 4, 100)])
    assert [places.at(time) for time in (0, 4, 11, 1e6)] == [(1, "slow"), (4, "slow"), (10, "first"), (10, "first")]
    assert places.openings(12) == [0.0, *(float(number) for number in range(2, 11))]
