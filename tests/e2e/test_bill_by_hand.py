"""The bills of batches that ran here, beside those that docs/costs.md computes by hand from AWS's price list."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.metered import usages_of
from costs.usage import GB_SECONDS
from rollcall.target.meter_client import fetch_meter
from tests.by_hand import hand_bill
from tests.e2e.metered import Case, Grid, Metered
from tests.probes import eventually

BOOK = PriceBook.load()
# Of the same batch, its children as either type.
CASES = {
    "One batch, SQS": (Case("ten", 1000, 100), "EXPRESS"),
    "One batch, Step Functions with EXPRESS children": (Case("map", 1000, 100), "EXPRESS"),
    "One batch, Step Functions with STANDARD children": (Case("map", 1000, 100), "STANDARD"),
}


@pytest.fixture(scope="module")
def grid(engine, sandbox, aws) -> Iterator[Mapping[str, Future[Metered]]]:
    """The batches, on their way."""
    if engine != "native":
        pytest.skip("the meter counts the same wherever the engine runs")
    runner = Grid(sandbox.endpoint, aws)
    try:
        yield runner.start({case.name: case for case, _ in CASES.values()}.values())
    finally:
        runner.stop()


@pytest.mark.parametrize("section", CASES)
def test_the_bill_is_the_one_by_hand(grid: Mapping[str, Future[Metered]], section: str) -> None:
    case, child_type = CASES[section]
    metered = grid[case.name].result()
    # The last lines of a log arrive up to half a second late.
    eventually(lambda: compare(metered, section, child_type))


def compare(metered: Metered, section: str, child_type: str) -> None:
    """Raise AssertionError for a line of the bill that is not by hand, differs, or has another price."""
    hand, answer = hand_bill(section), fetch_meter(metered.endpoint, metered.batch_id)
    bill, _ = priced(usages_of(answer, metered.stack, metered.batch_id, child_type), BOOK, 1000).split_by_the_hour()
    for line, usage in hand.of(line.usage for line in bill.lines):
        assert line is not None, f"no line by hand: {usage}"
        assert line.quantity.has(usage.quantity), (line, usage)
    prices = {line.usage.price: line.dollars / line.usage.quantity for line in bill.lines}
    for line, usage in hand.of(line.usage for line in bill.lines):
        # By hand the functions' CPU is arm64, as on AWS; here it is the machine's.
        if line and usage.quantity and not usage.price.startswith(GB_SECONDS):
            assert prices[usage.price] == pytest.approx(line.price), line
    timed = sum(line.dollars for line in bill.lines if line.usage.price.startswith(GB_SECONDS))
    assert bill.dollars - timed <= hand.whole.most
