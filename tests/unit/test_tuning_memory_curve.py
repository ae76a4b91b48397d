"""Duration by memory: reading, interpolating, and what is searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.problem import Problem
from costs.plan.settings import Settings
from costs.tune.memory_curve import MEMORY, MemoryCurve
from tests.unit.tuning_plans import WORKLOAD

SIZES = st.integers(MEMORY.low, MEMORY.high)
POINTS = st.dictionaries(SIZES, st.integers(1, 100_000), min_size=1, max_size=6)


def curve_of(points: dict[int, int]) -> MemoryCurve:
    return MemoryCurve.parse(",".join(f"{memory}={duration}" for memory, duration in points.items()))


@given(POINTS)
def test_the_curve_goes_through_its_points(points: dict[int, int]) -> None:
    curve = curve_of(points)
    for memory, duration in points.items():
        assert curve.milliseconds(memory) == pytest.approx(duration)


@given(POINTS, SIZES)
def test_between_two_points_the_curve_lies_between_their_durations(points: dict[int, int], memory: int) -> None:
    below = [points[size] for size in sorted(points) if size <= memory][-1:]
    above = [points[size] for size in sorted(points) if size >= memory][:1]
    around = below + above
    assert min(around) * 0.999 <= curve_of(points).milliseconds(memory) <= max(around) * 1.001


def test_halving_with_every_doubling_is_a_straight_line_of_logarithms() -> None:
    assert MemoryCurve.parse("128=800,512=200").milliseconds(256) == pytest.approx(400)


def test_beyond_its_ends_the_curve_is_flat() -> None:
    curve = MemoryCurve.parse("256=400,512=200")
    assert (curve.milliseconds(128), curve.milliseconds(1024)) == (400, 200)


def test_values_are_those_at_the_default_memory() -> None:
    curve = MemoryCurve.parse("128=900,256=450,512=225")
    scaled = curve.workload(WORKLOAD, Settings(processor_memory=512))
    assert scaled.values.mean == pytest.approx(WORKLOAD.values.mean / 2)
    assert curve.workload(WORKLOAD, Settings()) is WORKLOAD


@given(POINTS)
def test_no_size_is_searched_that_lies_beyond_what_was_measured(points: dict[int, int]) -> None:
    sizes = curve_of(points).sizes()
    assert set(points) <= set(sizes)
    assert (sizes[0], sizes[-1]) == (min(points), max(points))


def test_without_a_curve_memory_is_not_searched() -> None:
    assert MemoryCurve().sizes() == (Settings().processor_memory,)
    assert MemoryCurve().factor(10_240) == 1


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("128", "'128' is not MB=MILLISECONDS"),
        ("128=", "'128='"),
        ("128=900;256=450", "'128=900;256=450'"),
        ("64=900", "128 to 10,240 MB"),
        ("20480=900", "128 to 10,240 MB"),
        ("128=0", "more than 0 ms"),
        ("128=-1", "'128=-1'"),
        ("128=900,128=800", "given twice"),
        ("", "''"),
    ],
)
def test_a_bad_curve_is_refused_by_its_part(text: str, named: str) -> None:
    with pytest.raises(Problem) as refused:
        MemoryCurve.parse(text)
    assert named in str(refused.value)
    assert "--memory-curve" in str(refused.value)
