"""`rollcall bill` and `rollcall meter`: wrong command lines, and what a bill looks like in a terminal."""

from pathlib import Path

import pytest
from rich.console import Console

from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.usage import Usage
from rollcall.batches.batch import Result
from rollcall.views import bill as views
from rollcall.views.bill import Notes, bill_tables, print_bill
from rollcall.views.summary import Cost, Details, summary_rows
from tests.unit.commands import NOWHERE, Cli, refused

BOOK = PriceBook.load()


@pytest.mark.parametrize("command", ["bill", "meter"])
def test_help_has_an_example(cli: Cli, command: str) -> None:
    code, out, _ = cli(command, "--help")
    assert code == 0
    assert "Example" in out


def test_aws_has_no_meter_but_a_plan(cli: Cli) -> None:
    refused(cli("bill", "demo-1", "--aws"), "meter", "rollcall plan")


def test_a_bill_is_of_a_batch(cli: Cli) -> None:
    refused(cli("bill"), "Missing argument")


def test_a_bad_child_type_is_named(cli: Cli) -> None:
    refused(cli("bill", "demo-1", "--child-type", "fast"), "fast", "express", "standard")


def test_bad_prices_are_refused_before_a_sandbox_is_looked_for(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[[prices]]\nid = "sqs.wishes"\n')
    refused(cli("bill", "demo-1", "--prices", str(file), *NOWHERE), str(file), "sqs.wishes", "sqs.requests")


@pytest.mark.parametrize("words", [("bill", "demo-1"), ("meter",), ("meter", "--reset")])
def test_without_a_sandbox_it_says_how_to_start_one(cli: Cli, words: tuple[str, ...]) -> None:
    refused(cli(*words, *NOWHERE), "127.0.0.1:9", "rollcall up")


def test_a_reset_is_of_everything(cli: Cli) -> None:
    refused(cli("meter", "--reset", "--batch", "demo-1", *NOWHERE), "--reset", "--batch")


def drawn(width: int, items: int = 1_000) -> list[str]:
    usages = [
        Usage(price="lambda.requests", quantity=14, function="BatcherFunction", operation="invoke"),
        Usage(price="lambda.requests", quantity=6, function="BatcherFunction", operation="invoke"),
        Usage(price="sqs.requests", quantity=20, what="pollers: ReceiveMessage", note="as on AWS"),
        Usage(price="lambda.gb_seconds.x86_64", quantity=12.5, what="your items being processed", own=True),
    ]
    bill = priced(usages, BOOK, items)
    console, notes = Console(width=width), Notes()
    sections = [("orchestration", bill.part(own=False)), ("your own work", bill.part(own=True))]
    with console.capture() as captured:
        console.print(bill_tables(sections, BOOK, width, notes))
        console.print(notes.table())
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_line_has_its_quantity_its_price_and_its_dollars() -> None:
    lines = drawn(80)
    assert max(map(len, lines)) <= 80
    assert [line.split() for line in lines if "invocations" in line] == [
        ["batcher's", "invocations", "20", "requests", "$0.20", "/", "1M", "$0.0000040"]
    ]
    assert [line.split()[-1] for line in lines if line.startswith(("orchestration", "your"))] == [
        "$0.0000120",
        "$0.0002083",
    ]


def test_a_derived_line_points_to_its_note() -> None:
    lines = drawn(80)
    assert [line for line in lines if "ReceiveMessage [1]" in line]
    assert lines[-1].split() == ["[1]", "as", "on", "AWS"]


def test_a_wide_terminal_has_dollars_per_million_items() -> None:
    lines = drawn(120, items=10_000)
    assert lines[0].split() == ["quantity", "price", "dollars", "per", "1M", "items"]
    assert [line.split()[-1] for line in lines if line.startswith("your own work")] == ["$0.0208"]
    assert drawn(120, items=9_999)[0].split() == ["quantity", "price", "dollars"]


def costs(items: int, *, generation: int = 1) -> dict[str, str]:
    """The rows of a summary of a batch that cost $0.0029, and $0.0012 in its hour; its stack costs $1.314 a month."""
    usages = [
        Usage(price="sqs.requests", quantity=2_500),
        Usage(price="lambda.requests", quantity=9_500, own=True),
        Usage(price="cloudwatch.metric_months", quantity=0.004),
    ]
    result = Result("b-1", "sqs", "SUCCEEDED", generation=generation, items=items, succeeded=items)
    rows = dict(summary_rows(result, Details(), Cost(priced(usages, BOOK, items), 1.314)))
    return {label: value for label, value in rows.items() if label.startswith(("cost", "of it", "and"))}


def test_the_first_price_is_that_of_the_batch_and_hours_and_month_are_apart() -> None:
    assert costs(300) == {
        "cost on AWS": "$0.00290 for this batch",
        "of it orchestration": "$0.00100",
        "and by the hour": "$0.00120 for metrics, in each hour in which batches run",
        "and at rest": "$1.31 a month for the stack, whether batches run or not",
    }


def test_per_million_items_is_told_of_a_batch_with_enough_items_and_without_what_is_paid_by_the_hour() -> None:
    assert costs(10_000)["cost on AWS"] == "$0.00290 for this batch, $0.290 per million items"
    assert "million" not in costs(9_999)["cost on AWS"]
    assert costs(10, generation=2)["cost on AWS"] == "$0.00290 for all generations of this batch"


def test_a_bill_has_its_parts_apart_and_the_same_sums_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=80)
    monkeypatch.setattr(views, "stdout", console)
    usages = [Usage(price="sqs.requests", quantity=2_500), Usage(price="cloudwatch.metric_months", quantity=0.004)]
    bill, idle = priced(usages, BOOK, 300), priced([Usage(price="sqs.requests", quantity=3_285_000)], BOOK, None)
    with console.capture() as captured:
        print_bill(Result("b-1", "sqs", "SUCCEEDED", items=300), bill, idle, BOOK, "EXPRESS")
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert max(map(len, lines)) <= 80
    words = [" ".join(line.split()) for line in lines]
    for line in (
        "orchestration $0.00100",
        "by the hour, for all batches $0.001200",
        "this batch $0.00100",
        "its hours $0.00120 metrics, in each hour in which batches run",
        "in all $0.00220",
        "and at rest $1.31 a month for the stack, whether batches run or not",
    ):
        assert line in words
    assert bill.sums_to_json()["dollars"] == pytest.approx(0.0022)
    assert bill.sums_to_json()["byTheHour"] == pytest.approx(0.0012)
