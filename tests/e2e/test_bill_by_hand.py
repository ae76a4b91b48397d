"""What batches that ran here cost, and left: beside docs/costs.md, computed by hand, and the month's storage."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.metered import usages_of
from costs.month.kept import object_sizes, record_sizes
from costs.usage import GB_SECONDS
from rollcall.target.meter_client import fetch_meter
from sandbox.meter.item_size import STORAGE_OVERHEAD_BYTES, item_bytes
from tests.by_hand import hand_bill
from tests.e2e.metered import Case, Grid, Metered
from tests.probes import eventually
from tests.unit.planning import planned

BOOK = PriceBook.load()
TIMED = ("gb_seconds", "express_gb_seconds")
"""Ends the ids of prices of time; of Lambda's the CPU follows."""
CASES = {
    "One batch, SQS": (Case("hand", 1000, 100), "EXPRESS"),
    "One batch, Step Functions with EXPRESS children": (Case("express", 1000, 100), "EXPRESS"),
    "One batch, Step Functions with STANDARD children": (Case("standard", 1000, 100), "STANDARD"),
}


ALL_FAIL = {"fail_rate": 1, "attempts": 1}
LEFT = [
    Case("hand", 1000, 100),
    Case("map", 1000, 100),
    Case("hand", 60, 10, **ALL_FAIL),
    Case("map", 60, 10, **ALL_FAIL),
]


@pytest.fixture(scope="module")
def grid(engine, sandbox, aws) -> Iterator[Grid]:
    """The stacks."""
    if engine != "native":
        pytest.skip("the meter counts the same wherever the engine runs")
    runner = Grid(sandbox.endpoint, aws)
    try:
        yield runner
    finally:
        runner.stop()


@pytest.fixture(scope="module")
def runs(grid: Grid) -> Mapping[str, Future[Metered]]:
    """The batches, on their way."""
    return grid.start({case.name: case for case in (*LEFT, *(case for case, _ in CASES.values()))}.values())


@pytest.mark.parametrize("section", CASES)
def test_the_bill_is_the_one_by_hand(runs: Mapping[str, Future[Metered]], section: str) -> None:
    case, child_type = CASES[section]
    metered = runs[case.name].result()
    # The last lines of a log arrive up to half a second late.
    eventually(lambda: compare(metered, section, child_type))


def compare(metered: Metered, section: str, child_type: str) -> None:
    """Raise AssertionError for a line of the bill that is not by hand, differs, or has another price.

    How long a function or a child takes is this machine's.
    """
    hand, answer = hand_bill(section), fetch_meter(metered.endpoint, metered.batch_id)
    bill, _ = priced(usages_of(answer, metered.stack, metered.batch_id, child_type), BOOK, 1000).split_by_the_hour()
    for line, usage in hand.of(line.usage for line in bill.lines):
        assert line is not None, f"no line by hand: {usage}"
        assert usage.price.partition(".")[2].startswith(TIMED) or line.quantity.has(usage.quantity), (line, usage)
    prices = {line.usage.price: line.dollars / line.usage.quantity for line in bill.lines}
    for line, usage in hand.of(line.usage for line in bill.lines):
        # By hand the functions' CPU is arm64, as on AWS; here it is the machine's.
        if line and usage.quantity and not usage.price.startswith(GB_SECONDS):
            assert prices[usage.price] == pytest.approx(line.price), line


@pytest.mark.parametrize("case", LEFT, ids=lambda case: case.name)
def test_a_month_stores_what_a_batch_leaves(grid: Grid, runs: Mapping[str, Future[Metered]], aws, case: Case) -> None:
    """Within a twentieth: ids and numbers are shorter here. A Map Run's results are not AWS's here, so left out.

    Within a tenth on SQS: a batch that is over when it is first looked at has no `progress`.
    """
    batch, outputs = runs[case.name].result().batch_id, grid.deployed[case.lane].outputs
    plan = planned(case.architecture, case.items, "constant:0", fail_rate=case.fail_rate, **vars(case.settings))

    def left() -> int:
        if case.architecture == "sqs":
            items = aws("dynamodb").scan(TableName=outputs["TableName"])["Items"]
            return sum(item_bytes(item) + STORAGE_OVERHEAD_BYTES for item in items if batch in str(item))
        objects = aws("s3").list_objects_v2(Bucket=outputs["BatchBucketName"])["Contents"]
        return sum(each["Size"] for each in objects if batch in each["Key"])

    def compared() -> None:
        sizes, within = (record_sizes, 0.1) if case.architecture == "sqs" else (object_sizes, 0.05)
        assert left() == pytest.approx(sizes(plan), rel=within)

    eventually(compared)  # the finalizer records that it has published after it has
