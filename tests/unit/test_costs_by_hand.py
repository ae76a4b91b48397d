"""Bills that docs/costs.md computes by hand from AWS's price list: its own sums, and the plan beside them.

tests/e2e/test_bill_by_hand.py holds the bill of batches that ran against the same tables.
"""

import pytest

from costs.bill import BY_THE_HOUR, priced
from costs.facts.prices import PriceBook
from costs.idle import at_rest
from costs.plan.plan import Plan
from tests.by_hand import hand_bill
from tests.unit.planning import planned

BOOK = PriceBook.load()
BATCHES = {
    "One batch, SQS": ("sqs", {"batch_size": 10}),
    "One batch, Step Functions with EXPRESS children": ("sfn", {"child_type": "EXPRESS"}),
    "One batch, Step Functions with STANDARD children": ("sfn", {"child_type": "STANDARD"}),
}
RESTS = {"A month at rest, SQS": "sqs", "A month at rest, Step Functions": "sfn"}


def plan_of(section: str) -> Plan:
    """The plan of the batch that the section is about."""
    architecture, settings = BATCHES[section]
    return planned(architecture, 1000, "constant:0", **settings)


@pytest.mark.parametrize("section", [*BATCHES, *RESTS])
def test_each_line_and_the_sum_are_multiplied_and_added_right(section: str) -> None:
    bill = hand_bill(section)
    for line in bill.lines:
        amounts = line.quantity.least * line.price, line.quantity.most * line.price
        assert line.dollars.is_written(*amounts), (line, amounts)
    # Of the amounts as written: a reader adds up those.
    amounts = sum(line.dollars.least for line in bill.lines), sum(line.dollars.most for line in bill.lines)
    assert bill.whole.is_written(*amounts), amounts


@pytest.mark.parametrize("section", BATCHES)
def test_the_plan_says_what_is_computed_by_hand(section: str) -> None:
    usages = [line.usage for line in plan_of(section).bill.lines if line.usage.price != BY_THE_HOUR]
    for line, usage in hand_bill(section).of(usages):
        if line is None:
            assert not usage.quantity, f"no line by hand: {usage}"
            continue
        assert line.quantity.has(usage.quantity), (line, usage)
        if line.quantity.is_exact:
            assert usage.low == usage.high == usage.quantity, (line, usage)
        if usage.quantity:
            assert BOOK.dollars(usage.price, 1) == pytest.approx(line.price), line


@pytest.mark.parametrize("section", BATCHES)
def test_the_plans_dollars_are_those_by_hand(section: str) -> None:
    batch, _ = plan_of(section).bill.split_by_the_hour()
    assert hand_bill(section).whole.has(batch.dollars)


@pytest.mark.parametrize(("section", "architecture"), RESTS.items())
def test_the_stack_at_rest_costs_what_is_computed_by_hand(section: str, architecture: str) -> None:
    usages = at_rest(architecture)
    bill = hand_bill(section)
    for line, usage in bill.of(usages):
        assert line is not None, f"no line by hand: {usage}"
        assert usage.quantity == line.quantity.least == line.quantity.most, (line, usage)
        assert BOOK.dollars(usage.price, 1) == pytest.approx(line.price), line
    assert bill.whole.is_written(*[priced(usages, BOOK, None).dollars] * 2)
