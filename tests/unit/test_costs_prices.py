"""The price book: every tier's edge against amounts worked out by hand, and what an own file may say."""

from datetime import date
from pathlib import Path

import pytest

from bootstrap.problem import Problem
from costs.facts.prices import VARIABLE, PriceBook

GB = 1_073_741_824
BOOK = PriceBook.load()


@pytest.mark.parametrize(
    ("price_id", "quantity", "dollars"),
    [
        ("lambda.requests", 1_000_000, 0.20),
        ("lambda.gb_seconds.arm64", 1, 0.0000133334),
        ("lambda.gb_seconds.arm64", 7_500_000_000, 100_000.5),
        ("lambda.gb_seconds.arm64", 7_500_000_001, 100_000.5000120001),
        ("lambda.gb_seconds.arm64", 18_750_000_000, 235_001.625),
        ("lambda.gb_seconds.arm64", 18_750_000_001, 235_001.6250106667),
        ("lambda.gb_seconds.x86_64", 6_000_000_000, 100_000.2),
        ("lambda.gb_seconds.x86_64", 6_000_000_001, 100_000.200015),
        ("lambda.gb_seconds.x86_64", 15_000_000_000, 235_000.2),
        ("lambda.gb_seconds.x86_64", 15_000_000_001, 235_000.2000133334),
        ("lambda.poller_unit_hours", 2 * 730, 13.505),
        ("lambda.durable_operations", 100_000_000, 800),
        ("lambda.durable_gb_written", 4, 1),
        ("lambda.durable_gb_months", 4, 0.60),
        ("sqs.requests", 1, 0.0000004),
        ("sqs.requests", 100_000_000_000, 40_000),
        ("sqs.requests", 100_001_000_000, 40_000.30),
        ("sqs.requests", 200_000_000_000, 70_000),
        ("sqs.requests", 200_001_000_000, 70_000.24),
        ("sqs.fifo_requests", 1_000_000, 0.50),
        ("dynamodb.write_units", 1_000_000, 0.625),
        ("dynamodb.read_units", 1_000_000, 0.125),
        ("dynamodb.gb_months", 2, 0.50),
        ("states.transitions", 1_000_000, 25),
        ("states.express_requests", 1_000_000, 1),
        ("states.express_gb_seconds", 3_600, 0.06),
        ("states.express_gb_seconds", 3_600_000, 60),
        ("states.express_gb_seconds", 3_603_600, 60.03),
        ("states.express_gb_seconds", 18_000_000, 180),
        ("states.express_gb_seconds", 18_003_600, 180.01642),
        ("s3.puts", 1_000, 0.005),
        ("s3.gets", 1_000, 0.0004),
        ("s3.gb_months", 100, 2.30),
        ("events.published", 1_000_000, 1),
        ("logs.bytes", GB, 0.50),
        ("logs.bytes", 10_000 * GB, 5_000),
        ("logs.bytes", 10_001 * GB, 5_000.25),
        ("logs.bytes", 30_000 * GB, 10_000),
        ("logs.bytes", 30_001 * GB, 10_000.10),
        ("logs.bytes", 50_000 * GB, 12_000),
        ("logs.bytes", 60_000 * GB, 12_500),
        ("logs.gb_months", 10, 0.30),
        ("cloudwatch.metric_months", 10_000, 3_000),
        ("cloudwatch.metric_months", 10_001, 3_000.10),
        ("cloudwatch.requests", 1_000, 0.01),
    ],
)
def test_each_tier_costs_what_aws_says(price_id: str, quantity: float, dollars: float) -> None:
    assert BOOK.dollars(price_id, quantity) == pytest.approx(dollars, rel=1e-12)


def test_aws_s_example_of_an_express_chunk_of_time() -> None:
    # 100 ms at 64 MB cost $0.0000001042: https://aws.amazon.com/step-functions/pricing/
    assert BOOK.dollars("states.express_gb_seconds", 0.1 * 64 / 1024) == pytest.approx(0.0000001042, rel=1e-3)


def test_the_book_says_where_and_of_when_its_prices_are() -> None:
    assert (BOOK.region, BOOK.date) == ("us-east-1", date(2026, 11, 23))
    assert all(price.source and price.title and price.unit for price in BOOK.prices.values())
    assert {price.confidence for price in BOOK.prices.values()} <= {"high", "medium", "low"}


def test_a_free_tier_takes_its_amount_off_once_a_month() -> None:
    book = BOOK.with_free_tier()
    assert book.dollars("sqs.requests", 1_000_000) == 0
    assert book.dollars("sqs.requests", 1_500_000) == pytest.approx(0.20)
    assert book.dollars("dynamodb.write_units", 1_000_000) == pytest.approx(0.625)
    assert BOOK.dollars("sqs.requests", 1_500_000) == pytest.approx(0.60)


def test_an_unknown_price_is_named() -> None:
    with pytest.raises(Problem, match=r"lambda\.nothing"):
        BOOK.dollars("lambda.nothing", 1)


def own(folder: Path, text: str) -> PriceBook:
    file = folder / "prices.toml"
    file.write_text(text)
    return PriceBook.load(file)


def test_an_own_file_overrides_single_prices(tmp_path: Path) -> None:
    book = own(
        tmp_path,
        """
        region = "eu-central-1"
        date = 2027-01-02
        [[prices]]
        id = "sqs.requests"
        tiers = [{ from = 0, usd = 1.0 }, { from = 2_000_000, usd = 0.5 }]
        """,
    )
    assert (book.region, book.date, book.own) == ("eu-central-1", date(2027, 1, 2), {"sqs.requests"})
    assert book.dollars("sqs.requests", 3_000_000) == pytest.approx(2.5)
    assert book.price("sqs.requests").source == str(tmp_path / "prices.toml")
    assert book.dollars("lambda.requests", 1_000_000) == pytest.approx(0.20)


def test_the_environment_may_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[[prices]]\nid = "s3.gets"\ntiers = [{ from = 0, usd = 7 }]\n')
    monkeypatch.setenv(VARIABLE, str(file))
    assert PriceBook.load().dollars("s3.gets", 1_000) == 7


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("prices = ", ["not TOML"]),
        ("", ["[[prices]]"]),
        ('currency = "EUR"\nprices = []', ["currency"]),
        ("region = 7\nprices = []", ["region", "7"]),
        ('date = "soon"\nprices = []', ["date", "soon"]),
        ("[[prices]]\ntiers = [{ from = 0, usd = 1 }]", ["None", "no price's id"]),
        ('[[prices]]\nid = "sqs.wishes"', ["sqs.wishes", "no price's id"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = []', ["sqs.requests", "from 0"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = 0.4', ["sqs.requests", "0.4"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = [{ usd = 1 }]', ["sqs.requests", "from"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = [{ from = 5, usd = 1 }]', ["from 0", "5"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = [{ from = 0, usd = 1 }, { from = 0, usd = 2 }]', ["rise"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = [{ from = 0, usd = -1 }]', ["usd", "-1"]),
        ('[[prices]]\nid = "sqs.requests"\ntiers = [{ from = 0, usd = "free" }]', ["usd", "free"]),
        ('[[prices]]\nid = "sqs.requests"\nper = 0', ["per", "0"]),
        ('[[prices]]\nid = "sqs.requests"\nper = inf', ["per", "inf"]),
        ('[[prices]]\nid = "sqs.requests"\nunit = 3', ["unit", "3"]),
        ('[[prices]]\nid = "sqs.requests"\nusd = 3', ["unknown field usd"]),
    ],
)
def test_a_bad_file_is_refused_with_what_was_expected(tmp_path: Path, text: str, names: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        own(tmp_path, text)
    for name in (str(tmp_path / "prices.toml"), *names):
        assert name in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"nowhere\.toml"):
        PriceBook.load(tmp_path / "nowhere.toml")
