"""Distributions of values, and how long a chunk of them takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.problem import Problem
from costs.plan.chunk_time import chunk_times, makespans
from costs.plan.distribution import Distribution


@pytest.mark.parametrize(
    ("text", "mean", "largest"),
    [
        ("uniform:0-1000", 500, 1000),
        ("constant:250", 250, 250),
        ("exponential:200", 200, 1842.07),
        ("lognormal:200,1.0", 329.74, 8243.5),
    ],
)
def test_a_distribution_is_what_it_says(text: str, mean: float, largest: float) -> None:
    values = Distribution.parse(text)
    assert values.mean == pytest.approx(mean, rel=1e-4)
    assert values.largest == pytest.approx(largest, rel=1e-3)
    drawn = values.sample(np.random.default_rng(1), 200_000)
    assert drawn.mean() == pytest.approx(mean, rel=0.02)


def test_a_file_s_values_are_drawn_again(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_text("100\n300\n200\n")
    values = Distribution.parse(f"file:{path}")
    assert (values.mean, values.low, values.high) == (200, 100, 300)
    assert set(values.sample(np.random.default_rng(1), 100)) == {100, 200, 300}
    assert values.scaled(2).mean == 400
    assert values.scaled(2) != values.scaled(3)


@pytest.mark.parametrize("text", ["uniform:0-1000", "constant:250", "exponential:200", "lognormal:200,1.0"])
def test_a_machine_that_takes_twice_as_long_doubles_the_mean(text: str) -> None:
    values = Distribution.parse(text)
    assert values.scaled(2).mean == pytest.approx(2 * values.mean)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("normal:5", "'normal' is no distribution"),
        ("uniform:1000-0", "the lower bound comes first"),
        ("constant:soon", "'soon'"),
        ("constant:-1", "not negative"),
        ("constant:inf", "finite"),
        ("lognormal:100,1000", "must be finite"),
        ("exponential:1e308", "must be finite"),
        ("uniform:0-1e308", "must be finite"),
        ("constant:1e308", "must be finite"),
        ("file:/nowhere", "/nowhere"),
    ],
)
def test_what_is_no_distribution_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(Problem, match=said.replace("(", r"\(")) as problem:
        Distribution.parse(text)
    assert "milliseconds" in (problem.value.hint or str(problem.value))


def test_an_empty_file_has_no_values(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_text("")
    with pytest.raises(Problem, match="one at least"):
        Distribution.parse(f"file:{path}")


def test_a_file_s_values_can_be_summed(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_text("1\n1e308\n")
    with pytest.raises(Problem, match="must be finite"):
        Distribution.parse(f"file:{path}")


def test_items_begin_in_their_order_wherever_a_thread_is_free() -> None:
    # Threads: 5 | 1, 3 | then 4 begins where the 1 and the 3 ended, at 4.
    for slots, wall, last_begin in ((2, 8, 4), (1, 13, 9), (9, 5, 0)):
        times = makespans(np.array([[5.0, 1.0, 3.0, 4.0]]), slots)
        assert [each.tolist() for each in times] == [[wall], [last_begin]]


@settings(max_examples=60)
@given(items=st.integers(1, 300), slots=st.integers(1, 100))
def test_a_chunk_takes_no_less_than_its_work_and_its_longest_item(items: int, slots: int) -> None:
    times = chunk_times(Distribution.parse("exponential:100"), items, slots)
    assert all(wall >= longest - 1e-9 for wall, longest in zip(times.wall, times.longest, strict=True))
    assert times.mean >= items * 0.1 / min(slots, items) - 1e-9
    more = chunk_times(Distribution.parse("exponential:100"), items, min(100, slots + 1))
    assert more.mean <= times.mean + 1e-9


def test_constant_items_take_rounds() -> None:
    assert chunk_times(Distribution.parse("constant:100"), 25, 10).wall == [0.3]
