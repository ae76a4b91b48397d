"""The cost bench's arithmetic, its goals and its tables; its baselines' items and work. Measuring needs an engine."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from bench.cost.figures import Cost, Goal, goals, per_million
from bench.cost.metering import calls_of, unassigned_calls, useful
from bench.cost.report import markdown, report, to_json
from costs.bill import Bill, Line
from costs.facts.prices import PriceBook
from costs.usage import Usage
from handlers.core.batch import BatchRequest
from handlers.source import random_items
from tests.unit.commands import module_complains

FUNCTIONS = Path(__file__).parents[2] / "bench" / "baseline" / "functions"


def load(name: str) -> ModuleType:
    """A module that runs in Lambda, where its folder is the root."""
    spec = importlib.util.spec_from_file_location(f"baseline_{name}", FUNCTIONS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(price: str, dollars: float, operation: str = "calls", own: bool = False) -> Line:
    return Line(Usage(price=price, quantity=1, operation=operation, own=own), dollars)


def cost(key: str, lines: list[Line], items: int = 1000, **more) -> Cost:
    return Cost(
        key=key, short=key, title=f"the way {key}", bill=Bill(tuple(lines), items), seconds=1, lag=0.2, calls=50, **more
    )


def five(sqs: float, sfn: float, literal: float, published: float, mapped: float) -> list[Cost]:
    """Ways with so many dollars of orchestration per million items."""
    given = {"sqs": sqs, "sfn": sfn, "literal": literal, "published": published, "map": mapped}
    return [
        cost(key, [line("sqs.requests", dollars / 1000)], poll_seconds=300 if key == "published" else None)
        for key, dollars in given.items()
    ]


def test_a_million_items_pay_their_lines_in_proportion_and_what_is_hourly_once() -> None:
    bill = Bill((line("sqs.requests", 0.00002), line("cloudwatch.metric_months", 0.0004)), 1000)
    assert per_million(bill) == pytest.approx(0.02 + 0.0004)


def test_orchestration_leaves_the_users_own_work_out() -> None:
    found = cost("sqs", [line("lambda.requests", 0.001), line("lambda.gb_seconds.arm64", 0.005, own=True)])
    assert found.orchestration == pytest.approx(1)
    assert found.in_all == pytest.approx(6)
    assert found.by_service() == {"Lambda": pytest.approx(1)}


def test_the_largest_lines_come_first_and_the_same_ones_are_one() -> None:
    lines = [line("sqs.requests", 0.001, "sends"), line("lambda.requests", 0.003), line("sqs.requests", 0.001, "sends")]
    names = [name for name, _ in cost("sqs", lines).by_line()]
    assert names == ["lambda.requests: calls", "sqs.requests: sends"]
    assert cost("sqs", lines).by_line()[1][1] == pytest.approx(2)


def test_dollars_must_stay_below_their_goal_and_ratios_must_reach_it() -> None:
    assert [goal.met for goal in goals(five(0.04, 0.04, 1, 8, 20))] == [True, True, True, True, True]
    missed = [goal.name for goal in goals(five(0.05, 0.05, 1.2, 9.9, 19)) if not goal.met]
    assert missed == [
        "SQS, orchestration of a million items",
        "SQS below (a)",
        "SQS below (b)",
        "Step Functions, orchestration of a million items",
        "Step Functions below (c)",
    ]
    assert Goal("x", 25, 25, ratio=True).met
    assert not Goal("$", 0.05, 0.05, ratio=False).met


ROWS = [
    {"stack": "S", "by": "function", "batch": "b", "unit": "sqs.requests", "operation": "SendMessage", "calls": 3},
    {"stack": "S", "by": "function", "batch": "b", "unit": "lambda.requests", "operation": "invoke", "calls": 2},
    {"stack": "S", "by": "function", "batch": "b", "unit": "lambda.billed_ms", "operation": "256", "calls": 2},
    {"stack": "S", "by": "function", "batch": None, "unit": "s3.gets", "operation": "GetObject", "calls": 7},
    {
        "stack": "S",
        "by": "poller",
        "batch": None,
        "unit": "sqs.requests",
        "operation": "ReceiveMessage:empty",
        "calls": 9,
    },
    {"stack": "S", "by": "client", "batch": "b", "unit": "sqs.requests", "operation": "SendMessage", "calls": 1},
    {"stack": "T", "by": "function", "batch": "b", "unit": "sqs.requests", "operation": "SendMessage", "calls": 5},
]


def test_the_calls_of_a_batch_are_those_of_its_stack_without_the_bench_and_without_idle_pollers() -> None:
    assert calls_of({"rows": ROWS}, "S", "b") == 5
    assert unassigned_calls({"rows": ROWS}, "S") == 7
    assert len(useful({"rows": ROWS}, "S")) == 4


@pytest.mark.parametrize("max_value", [0, 20, 1000])
def test_the_baselines_have_the_very_items_of_rollcall(max_value: int) -> None:
    request = BatchRequest(items=50, max_value=max_value)
    assert load("items").drawn("some-batch", 50, max_value) == list(random_items(request, "some-batch", 0, 50))


def test_the_baselines_work_takes_the_items_value_and_says_how_much_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    work = load("work").Work()
    for value in (0, 5, 10):
        work.do({"id": "x", "value": value})
    work.tell()
    said = json.loads(capsys.readouterr().out)
    assert said["items"] == 3
    assert said["workMs"] >= 15


def printed(rendered: object) -> str:
    console = Console(width=110, no_color=True)
    with console.capture() as captured:
        console.print(rendered)
    return captured.get()


def test_the_report_has_a_row_for_each_way_the_split_and_the_goals() -> None:
    costs = five(0.03, 0.04, 1.2, 12, 27)
    text = printed(report({0: costs, 20: costs}, PriceBook.load(), "now"))
    rows = [row.split() for row in text.splitlines()]
    assert ["the", "way", "sqs", "$0.0300", "1.0", "$0.0300", "0.200", "s", "0.05", "1,000"] in rows
    assert ["the", "way", "published", "$12.00", "400", "$12.00", "150", "s", "†", "0.05", "1,000"] in rows
    assert ["SQS", "$0.0300", "$0.0400", "$1.20", "$12.00", "$27.00"] in rows
    assert ["SQS", "below", "(b)", "400", "x", "≥", "200", "x", "met"] in rows
    assert "work that waits 0 to 20 ms an item" in text
    assert "† not measured: the way published is asked every 300 s on AWS" in " ".join(text.split())


def test_the_markdown_has_the_same_tables() -> None:
    text = markdown({0: five(0.06, 0.04, 1.2, 12, 27)})
    assert "| the way sqs | $0.0600 | 1.0 | $0.0600 | 0.200 s | 0.05 | 1,000 |" in text
    assert "| SQS, orchestration of a million items | $0.0600 | < $0.0500 | missed |" in text


def test_the_json_has_every_way_and_goal() -> None:
    book = PriceBook.load()
    written = json.loads(json.dumps(to_json({0: five(0.04, 0.04, 1.2, 12, 27)}, book, {"cores": 2})))
    [only] = written["passes"]
    assert [way["way"] for way in only["ways"]] == ["sqs", "sfn", "literal", "published", "map"]
    assert only["ways"][0]["orchestration"] == pytest.approx(0.04)
    assert [goal["met"] for goal in written["goals"]] == [True] * 5
    assert written["prices"] == {"region": book.region, "date": str(book.date)}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--items", "0"], "argument --items: '0' is not a whole number from 1 to 1,000,000"),
        (["--json", "/nowhere/cost.json"], "argument --json: '/nowhere/cost.json' is not a file in a folder"),
    ],
)
def test_wrong_usage_is_refused_before_anything_starts(words: list[str], complaint: str) -> None:
    module_complains("bench.cost", words, complaint)
