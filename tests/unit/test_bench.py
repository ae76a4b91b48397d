"""The bench's arithmetic, its verdicts and its report; measuring itself needs an engine."""

import json

import pytest
from rich.console import Console

from bench.figures import Figure, both, percentile, ratios
from bench.report import amount, machine, report, to_json, verdict
from tests.unit.commands import module_complains

RATE = Figure("rate", "items/s", [2000, 3000, 2600], 2500)
LAG = Figure("lag", "s", [1.5], 1)
MEMORY = Figure("memory", "MB", [800.4])
RATE_BESIDE = Figure("rate", "items/s", [3000, 2000, 2600], peer=[2000, 2500, 2000])
START_BESIDE = Figure("start", "s", [2.5], 3.5, peer=[5])


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7], 50, 7),
        ([3, 1, 2], 50, 2),
        ([4, 3, 2, 1], 50, 2),
        (list(range(1, 201)), 95, 190),
        (list(range(1, 201)), 100, 200),
        ([5, 6], 0, 5),
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(
    ("unit", "value", "met"),
    [("x", 10, True), ("items/s", 9.9, False), ("s", 10, True), ("ms", 10.1, False)],
)
def test_rates_must_reach_their_goal_and_durations_must_not_exceed_it(unit: str, value: float, met: bool) -> None:
    assert Figure("any", unit, [value], goal=10).met is met


def test_the_median_of_the_rounds_is_held_against_the_goal() -> None:
    assert (RATE.median, RATE.best, RATE.met) == (2600, 3000, True)
    assert Figure("rate", "items/s", [2000, 9000, 2100], 2500).met is False


def test_the_best_duration_is_the_shortest() -> None:
    assert Figure("lag", "s", [0.4, 0.2]).best == 0.2


def test_without_a_goal_there_is_no_verdict() -> None:
    assert MEMORY.met is None


def test_ratios_compare_the_batches_of_the_same_round() -> None:
    assert ratios([1000, 3000], [100, 200]) == [10, 15]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1000, 3000], [100])


def test_a_ratio_above_one_means_better_than_ministack_in_the_same_round() -> None:
    assert RATE_BESIDE.ratios == [1.5, 0.8, 1.3]
    assert START_BESIDE.ratios == [2]


def test_there_is_no_ratio_without_ministack_or_to_what_is_too_small_to_be_measured() -> None:
    assert MEMORY.ratios == []
    assert Figure("cpu", "s", [0.0], peer=[0.2]).ratios == []
    assert Figure("rate", "items/s", [100], peer=[0]).ratios == []


def test_a_figure_of_one_engine_has_no_peer() -> None:
    assert both("memory", "MB", [[800.4]]) == MEMORY
    assert both("start", "s", [[2.5], [5]], 3.5) == Figure("start", "s", [2.5], 3.5, [5])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.157, "0.16 s"), (9.534, "9.53 s"), (14.13, "14.1 s"), (312.6, "313 s"), (6921.4, "6,921 s")],
)
def test_amounts_show_three_digits_or_all_before_the_point(value: float, text: str) -> None:
    assert amount(value, "s") == text


def test_the_verdict_names_every_missed_goal_and_counts_only_goals() -> None:
    assert verdict([RATE, LAG, MEMORY]) == "1 of 2 goals missed: lag"
    assert verdict([RATE, MEMORY]) == "all 1 goals met"


def printed(figures: list[Figure], width: int = 80) -> list[str]:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(report(figures, machine(), took=83.2))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_report_shows_each_figure_with_its_goal_and_verdict() -> None:
    lines = printed([LAG, MEMORY])
    assert any(line.split() == ["lag", "1.50", "s", "≤", "1", "s", "missed"] for line in lines)
    assert any(line.split() == ["memory", "800", "MB"] for line in lines)
    assert any("took 1 min 23 s" in line and f"{machine()['cores']} cores" in line for line in lines)


def test_the_report_shows_median_and_best_of_several_rounds() -> None:
    lines = printed([RATE, LAG])
    words = "rate 2,600 items/s 3,000 items/s ≥ 2,500 items/s met"
    assert any(line.split() == words.split() for line in lines)


def test_the_report_shows_ministack_beside_and_how_many_times_as_good_rollcall_is() -> None:
    lines = [" ".join(line.split()) for line in printed([RATE_BESIDE, START_BESIDE, MEMORY], 120)]
    assert "Rollcall best MiniStack times goal" in lines
    assert "rate 2,600 items/s 3,000 items/s 2,000 items/s 1.30 x" in lines
    assert "start 2.50 s 5.00 s 2.00 x ≤ 3.5 s met" in lines
    assert "memory 800 MB" in lines


def test_the_report_does_not_mention_ministack_when_rollcall_was_measured_alone() -> None:
    assert "MiniStack" not in " ".join(printed([RATE, MEMORY]))
    assert "MiniStack 1.5.33:" in " ".join(printed([START_BESIDE]))


def test_the_json_has_the_values_of_both_engines() -> None:
    [written] = to_json([RATE_BESIDE], machine(), took=1)["figures"]
    assert written["miniStack"] == [2000, 2500, 2000]
    assert written["timesMiniStack"] == [1.5, 0.8, 1.3]


def test_the_json_has_every_value_and_the_machine() -> None:
    written = json.loads(json.dumps(to_json([RATE, MEMORY], machine(), took=83.24)))
    assert written["tookSeconds"] == 83.2
    assert set(written["machine"]) == {"cores", "load", "system", "python"}
    assert written["figures"] == [
        {
            "name": "rate",
            "unit": "items/s",
            "values": [2000, 3000, 2600],
            "median": 2600,
            "best": 3000,
            "goal": {"atLeast": 2500},
            "met": True,
        },
        {"name": "memory", "unit": "MB", "values": [800.4], "median": 800.4, "best": 800.4, "goal": None, "met": None},
    ]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--items", "0"], "argument --items: '0' is not a whole number from 1 to 1,000,000"),
        (["--failures", "0"], "argument --failures: '0' is not a whole number from 1 to 1,000,000"),
        (["--short", "0"], "argument --short: '0' is not a whole number from 1 to 1,000,000"),
        (["--rounds", "many"], "argument --rounds: 'many' is not a whole number from 1 to 100"),
        (["--json", "/nowhere/figures.json"], "argument --json: '/nowhere/figures.json' is not a file in a folder"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(words: list[str], complaint: str) -> None:
    module_complains("bench", words, complaint)
