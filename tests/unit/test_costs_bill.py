"""The sums of a bill, and how amounts read."""

import pytest

from costs.bill import Bill, priced
from costs.facts.prices import PriceBook
from costs.format import decimals_for, dollars, per_million, quantity
from costs.usage import Usage

BOOK = PriceBook.load()
USAGES = [
    Usage(price="lambda.gb_seconds.arm64", quantity=100, what="items", own=True, function="ProcessorFunction"),
    Usage(price="lambda.requests", quantity=500, what="invocations"),
    Usage(price="sqs.requests", quantity=1_000, what="sends"),
    Usage(price="sqs.requests", quantity=3_000, what="receives"),
]


def test_a_bill_keeps_the_user_s_own_work_apart() -> None:
    bill = priced(USAGES, BOOK, 10_000)
    # 100 x 0.0000133334; 500 x 0.0000002 + 4,000 x 0.0000004
    assert bill.own == pytest.approx(0.00133334)
    assert bill.orchestration == pytest.approx(0.0001 + 0.0016)
    assert bill.dollars == pytest.approx(0.00303334)
    assert bill.per_million() == pytest.approx(0.303334)
    assert bill.part(own=False).per_million() == pytest.approx(0.17)
    assert bill.by_service() == {"Lambda": pytest.approx(0.00143334), "SQS": pytest.approx(0.0016)}


def test_lines_of_one_price_share_its_tiers_and_its_free_amount() -> None:
    usages = [
        Usage(price="sqs.requests", quantity=1_500_000, what="sends"),
        Usage(price="sqs.requests", quantity=500_000, what="receives"),
    ]
    sends, receives = priced(usages, BOOK.with_free_tier(), None).lines
    # 1,000,000 of 2,000,000 are free: $0.40, three quarters of it for the sends
    assert (sends.dollars, receives.dollars) == (pytest.approx(0.30), pytest.approx(0.10))


@pytest.mark.parametrize("items", [None, 0])
def test_without_items_there_is_nothing_per_million(items: int | None) -> None:
    bill = priced(USAGES, BOOK, items)
    assert bill.per_million() is None
    assert bill.to_json()["orchestrationPerMillionItems"] is None


def test_an_empty_bill_is_nothing() -> None:
    assert (Bill((), 5).dollars, Bill((), 5).by_service(), priced([], BOOK, 5).per_million()) == (0, {}, 0)
    assert priced([Usage(price="s3.puts", quantity=0, what="none")], BOOK, 1).dollars == 0


def test_json_has_every_line_with_its_service_and_note() -> None:
    usage = Usage(price="s3.puts", quantity=4, what="results", operation="PutObject", low=1, high=9, note="derived so")
    [line] = priced([usage], BOOK, None).to_json()["lines"]
    assert line == {
        "service": "S3",
        "price": "s3.puts",
        "quantity": 4,
        "low": 1,
        "high": 9,
        "dollars": pytest.approx(0.00002),
        "own": False,
        "what": "results",
        "function": None,
        "operation": "PutObject",
        "note": "derived so",
    }


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (0.0000123, "$0.0000123"),
        (0.000312, "$0.000312"),
        (0.0314159, "$0.0314"),
        (0.5, "$0.500"),
        (1, "$1.00"),
        (12.345, "$12.35"),
        (1234.5, "$1,234.50"),
        (1e-12, "<$0.0000000001"),
    ],
)
def test_an_amount_shows_three_digits_that_count(amount: float, text: str) -> None:
    assert dollars(amount) == text


def test_amounts_of_a_column_have_the_same_decimals() -> None:
    places = decimals_for(0.000312)
    assert [dollars(amount, places) for amount in (0.000312, 0.0000041, 0.0000001, 0)] == [
        "$0.000312",
        "$0.000004",
        "<$0.000001",
        "$0",
    ]


def test_per_million_says_so() -> None:
    assert (per_million(0.0314), per_million(None)) == ("$0.0314 per million items", "-")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (14, "14"), (1_234_567, "1,234,567"), (0.01234, "0.0123"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_a_quantity_is_whole_or_shows_three_digits(number: float, text: str) -> None:
    assert quantity(number) == text
