"""`rollcall bill` and `rollcall meter`: wrong command lines, and what a bill looks like in a terminal."""

from pathlib import Path

import pytest
from rich.console import Console

from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.usage import Usage
from rollcall.views.bill import Notes, bill_tables
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


def drawn(width: int) -> list[str]:
    usages = [
        Usage(price="lambda.requests", quantity=14, function="BatcherFunction", operation="invoke"),
        Usage(price="lambda.requests", quantity=6, function="BatcherFunction", operation="invoke"),
        Usage(price="sqs.requests", quantity=20, what="pollers: ReceiveMessage", note="as on AWS"),
        Usage(price="lambda.gb_seconds.x86_64", quantity=12.5, what="your items being processed", own=True),
    ]
    bill = priced(usages, BOOK, 1_000)
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
    lines = drawn(120)
    assert lines[0].split() == ["quantity", "price", "dollars", "per", "1M", "items"]
    assert [line.split()[-1] for line in lines if line.startswith("your own work")] == ["$0.2083"]
