"""`rollcall tune` as a user has it, but for the sandbox."""

import json
from functools import partial
from pathlib import Path

import pytest

from tests.unit.commands import Cli


@pytest.fixture
def tune(cli: Cli) -> Cli:
    """`tune("--items=1")` is the exit code, stdout and stderr."""
    return partial(cli, "tune")


def test_it_recommends_parameters_and_shows_the_front_and_the_lever(tune: Cli) -> None:
    code, out, err = tune("--items=100000", "--deadline=15m", "--value-distribution=constant:100")
    assert code == 0
    for text in (
        "Cheapest within 15 min",
        "ItemsPerChunk=",
        "ItemConcurrency=100",
        "items per",
        "in parallel",
        "up --",
    ):
        assert text in out
    assert "sqs: coarse grid" in err


def test_json_is_one_document_and_the_report_is_written(tune: Cli, tmp_path: Path) -> None:
    report = tmp_path / "tune.html"
    code, out, _ = tune(
        "--items=5000", "--architecture=sfn", "--value-distribution=constant:9", f"--html={report}", "--json"
    )
    answer = json.loads(out)
    assert code == 0
    assert answer["best"]["architecture"] == "sfn"
    assert answer["best"]["seconds"] <= answer["deadlineSeconds"]
    assert report.read_text().startswith("<!DOCTYPE html>")


def test_a_deadline_that_nothing_meets_names_the_fastest_its_bottleneck_and_the_quota_to_raise(tune: Cli) -> None:
    code, out, err = tune("--items=10000000", "--deadline=20m", "--architecture=sqs", "--item-concurrency-limit=1")
    assert (code, out) == (2, "")
    assert "no plan meets the deadline of 20 min" in err
    assert "held up by lambda.concurrency" in err
    assert "with --quota lambda.concurrency=2000 the batch takes" in err


def test_no_quota_is_to_be_raised_for_more_than_the_work_stands(tune: Cli) -> None:
    limits = ("--item-concurrency-limit=1", "--max-concurrency-limit=50")
    _, _, err = tune("--items=1000000", "--deadline=20m", "--architecture=sqs", *limits)
    assert "held up by MaxConcurrency" in err or "held up by pollers" in err
    assert "--quota" not in err
    assert "--max-concurrency-limit 50 allows no more" in err


def test_a_raised_quota_is_faster(tune: Cli) -> None:
    words = ("--items=100000", "--objective=speed", "--architecture=sqs", "--item-concurrency-limit=1", "--json")
    seconds = [
        json.loads(tune(*words, f"--quota=lambda.concurrency={most}")[1])["best"]["seconds"] for most in (50, 1000)
    ]
    assert seconds[1] < seconds[0] / 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--items=many",), ("many", "0 to 100,000,000")),
        (("--items=5", "--deadline=soon"), ("--deadline soon", "90s, 15m, 2h or 1d")),
        (("--items=5", "--deadline=0s"), ("--deadline 0s", "90s")),
        (("--items=5", "--deadline=60d"), ("--deadline 60d", "13 days")),
        (("--items=5", "--objective=nice"), ("nice", "balanced")),
        (("--items=5", "--memory-curve=128"), ("--memory-curve", "128=900,256=450")),
        (("--items=5", "--quota=lambda.x=5"), ("lambda.x", "lambda.concurrency")),
        (("--items=5", "--quota=lambda.concurrency"), ("--quota lambda.concurrency", "NAME=VALUE")),
        (("--items=5", "--value-distribution=normal:5"), ("normal:5", "uniform:LOW-HIGH")),
        (("--items=5", "--prices=/nowhere.toml"), ("/nowhere.toml",)),
        (("--items=5", "--html=/nowhere/tune.html"), ("--html /nowhere/tune.html", "/nowhere")),
        (("--items=5", "--html=/"), ("--html /", "is a folder")),
        (("--items=0",), ("--items 0",)),
        (("--items=5", "--item-bytes=9000000"), ("no setting", "sqs.message_bytes", "states.payload_bytes")),
        (("--items=5", "--confirm=1", "--port=9", "--project=nobody"), ("127.0.0.1:9", "rollcall up")),
        (("--items=5", "--apply", "--port=9", "--project=nobody"), ("127.0.0.1:9", "rollcall up")),
    ],
)
def test_bad_input_is_refused_with_what_was_expected(tune: Cli, words: tuple[str, ...], named: tuple[str, ...]) -> None:
    code, out, err = tune(*words)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    for name in named:
        assert name in err


def test_a_reports_name_is_no_markup_and_reaches_no_terminal(
    tune: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("[").mkdir()
    name = "[/]\x1b[2J.html"
    code, out, err = tune("--items=500", "--architecture=sfn", "--value-distribution=constant:9", f"--html={name}")
    assert (code, "Traceback" in err) == (0, False)
    assert r"report: [/]\x1b[2J.html" in out
    assert Path(name).exists()


def test_a_schedule_is_tuned_for_the_month(tune: Cli) -> None:
    """A batch alone is cheaper with SQS; a batch a week is not, because of what that stack costs at rest."""
    words = ("--items=1000", "--value-distribution=constant:100", "--json")
    alone, weekly = (json.loads(tune(*words, *more)[1]) for more in ((), ("--per-day=1/7",)))
    assert alone["best"]["architecture"] == "sqs"
    assert "months" not in alone
    months = {month["architecture"]: month["dollars"] for month in weekly["months"]}
    assert weekly["best"]["architecture"] == min(months, key=lambda name: months[name]) == "sfn"
    assert weekly["cheaper"][0]["cheaper"] == "sfn"


def test_no_pollers_are_recommended_for_a_batch_a_day(tune: Cli) -> None:
    words = ("--items=1000000", "--architecture=sqs", "--value-distribution=constant:100", "--objective=balanced")
    code, out, _ = tune(*words, "--per-day=1")
    assert code == 0
    assert "a month" in out
    assert "The month: a batch a day" in out
    assert "ProvisionedPollers" not in out
