"""The month of a schedule: its parts, what is not paid twice, and from which size which architecture is cheaper."""

from bisect import bisect_right
from dataclasses import replace
from itertools import pairwise

import pytest

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.idle import at_rest, idle_bill
from costs.month.break_even import EITHER, LARGEST, Comparison, Stretch, sentence, stretches, without_steps
from costs.month.kept import kept
from costs.month.month import AT_REST, BATCHES, LOGS, METRICS, PARTS, STORAGE, Month, month_of
from costs.month.months import months, rhythm
from costs.month.tables import BEGIN, lines_of
from costs.usage import Usage
from tests.unit.documents import DOCUMENTS, text_of
from tests.unit.planning import PLANNER, planned

BOOK = PriceBook.load()
# 730 hours, four batches a day.
BATCHES_A_MONTH = 730 / 6
METRIC_MONTHS = "cloudwatch.metric_months"
BOTH = pytest.mark.parametrize("architecture", ["sqs", "sfn"])


def month(architecture: str, items: int, per_day: float, **settings: object) -> Month:
    return month_of(planned(architecture, items, "constant:0", **settings), per_day, BOOK)


def quantity(month: Month, part: str, price: str) -> float:
    """So much of a price in a part."""
    return sum(line.usage.quantity for line in month.parts[part].lines if line.usage.price == price)


# ---------------------------------------------------------------------------------------------------------- its parts
@BOTH
def test_a_month_is_its_batches_and_what_is_paid_besides(architecture: str) -> None:
    found = month(architecture, 100_000, 4)
    assert tuple(found.parts) == PARTS
    assert found.dollars == pytest.approx(sum(part.dollars for part in found.parts.values()))
    assert found.parts[AT_REST].dollars == pytest.approx(idle_bill(architecture, BOOK).dollars)
    batch, _ = found.plan.bill.split_by_the_hour()
    logged = batch.by_service()["CloudWatch Logs"]
    assert found.parts[BATCHES].dollars == pytest.approx((batch.dollars - logged) * BATCHES_A_MONTH)
    assert found.per_million == pytest.approx(found.dollars / (BATCHES_A_MONTH * 0.1))


@BOTH
def test_a_batch_a_week_is_a_seventh_of_a_batch_a_day(architecture: str) -> None:
    daily, weekly = (month(architecture, 1000, per_day).parts[BATCHES].dollars for per_day in (1, 1 / 7))
    assert weekly == pytest.approx(daily / 7)


def with_metrics(per_day: float) -> Month:
    """The month of a batch that has two metrics, the one in a single hour and the other in an hour and a half."""
    plan = planned("sqs", 1000, "constant:0")
    lines = [line.usage for line in plan.bill.lines if line.usage.price != METRIC_MONTHS]
    metrics = [Usage(METRIC_MONTHS, hours / 730, None, name) for name, hours in (("one", 1), ("two", 1.5))]
    return month_of(replace(plan, bill=priced([*lines, *metrics], BOOK, 1000)), per_day, BOOK)


def test_a_metric_is_paid_once_for_all_batches_of_an_hour() -> None:
    assert with_metrics(4).parts[METRICS].dollars == pytest.approx(0.3 * 2.5 * BATCHES_A_MONTH / 730)
    # 20 batches a day: one in 20 hours, the other in all 24 and more.
    assert with_metrics(20).parts[METRICS].dollars == pytest.approx(0.3 * (20 / 24 + 1))
    assert with_metrics(1000).parts[METRICS].dollars == pytest.approx(0.6)


def test_a_stack_without_metrics_has_no_such_part() -> None:
    plan = planned("sqs", 1000, "constant:0")
    lines = [line.usage for line in plan.bill.lines if line.usage.price != METRIC_MONTHS]
    assert month_of(replace(plan, bill=priced(lines, BOOK, 1000)), 4, BOOK).parts[METRICS].dollars == 0


def test_the_least_provisioned_pollers_are_paid_once() -> None:
    found = month("sqs", 10_000_000, 4, pollers=100)
    hours = found.plan.seconds / 3600
    needed = max(2, -(-found.plan.timing.concurrency // 10))
    assert quantity(found, AT_REST, "lambda.poller_unit_hours") == 2 * 730
    assert quantity(found, BATCHES, "lambda.poller_unit_hours") == pytest.approx((needed - 2) * hours * BATCHES_A_MONTH)


def test_a_tier_applies_to_the_sum_of_the_month() -> None:
    """Step Functions' EXPRESS duration: $0.06 a GB-hour for 1,000 of them, then $0.03, then $0.01642."""
    found = month("sfn", 10_000_000, 10_000, max_concurrency=1000)
    [line] = [line for line in found.parts[BATCHES].lines if line.usage.price == "states.express_gb_seconds"]
    hours = line.usage.quantity / 3600
    assert hours > 5000
    assert line.dollars == pytest.approx(1000 * 0.06 + 4000 * 0.03 + (hours - 5000) * 0.01642)


@BOTH
def test_what_batches_leave_is_stored_until_it_expires(architecture: str) -> None:
    found = month(architecture, 100_000, 4)
    left = {held.price: held for held in kept(found.plan)}
    days = {"dynamodb.gb_months": 60.25, "s3.gb_months": 30, "logs.gb_months": 14}
    assert {price: held.days for price, held in left.items()} == {price: days[price] for price in left}
    for price, held in left.items():
        part = LOGS if price == "logs.gb_months" else STORAGE
        # GB that are there at any time: four batches a day, each for so many days.
        assert quantity(found, part, price) == pytest.approx(held.size * 4 * held.days / 1024**3)


def test_failed_items_are_kept_too() -> None:
    for architecture, price in (("sqs", "dynamodb.gb_months"), ("sfn", "s3.gb_months")):
        sizes = [
            next(held.size for held in kept(planned(architecture, 1000, fail_rate=rate)) if held.price == price)
            for rate in (0, 0.1)
        ]
        assert sizes[1] - sizes[0] > 100 * 100


def test_batches_that_overlap_are_warned_of() -> None:
    assert month("sqs", 1000, 4).warnings == ()
    [warning] = month_of(planned("sqs", 10_000_000), 4, BOOK).warnings
    assert "15 h" in warning
    assert "6 h 00 min" in warning


def test_a_schedule_is_told_in_words() -> None:
    assert [rhythm(per_day) for per_day in (4, 1.5, 1, 1 / 7)] == [
        "4 batches a day",
        "1.50 batches a day",
        "a batch a day",
        "a batch every 7 days",
    ]


# --------------------------------------------------------------------------------------------------------- break-even
def test_the_size_from_which_the_other_is_cheaper_is_exact() -> None:
    """Pollers make SQS dear at rest, and STANDARD children Step Functions for many items."""
    plans = {
        "sqs": planned("sqs", 1000, "constant:0", pollers=2),
        "sfn": planned("sfn", 1000, "constant:0", child_type="STANDARD"),
    }
    comparison = Comparison(PLANNER, plans, 4)
    found = comparison.stretches
    assert found[0].cheaper == "sfn"
    assert (found[0].first, found[-1].last) == (1, LARGEST)
    assert len(found) > 1
    for before, after in pairwise(found):
        assert before.last + 1 == after.first
        assert comparison.dollars(before.cheaper, before.last) < comparison.dollars(after.cheaper, before.last)
        assert comparison.dollars(after.cheaper, after.first) <= comparison.dollars(before.cheaper, after.first)


@pytest.mark.parametrize("edges", [[2], [100], [35_101], [3, 4_000, 70_000_001], [LARGEST], []])
def test_every_change_of_the_cheaper_one_is_found(edges: list[int]) -> None:
    def cheaper(items: int) -> str:
        return "ab"[bisect_right(edges, items) % 2]

    assert [stretch.first for stretch in stretches(cheaper, LARGEST)] == [1, *edges]


def test_sizes_at_which_steps_decide_are_told_as_either() -> None:
    found = [Stretch(1, 9_999, "sfn"), Stretch(10_000, 10_050, "sqs"), Stretch(10_051, 10_100, "sfn")]
    joined = without_steps([*found, Stretch(10_101, LARGEST, "sqs")])
    assert joined == (found[0], Stretch(10_000, 10_100, EITHER), Stretch(10_101, LARGEST, "sqs"))
    assert sentence(joined, ARCHITECTURE_TITLES) == (
        "Step Functions up to 9,999 items a batch, either from 10,000 to 10,100, SQS and DynamoDB from 10,101 on"
    )


def test_a_batch_that_is_not_done_in_time_is_not_cheaper() -> None:
    plans = {name: planned(name, 1000) for name in ("sqs", "sfn")}
    found = Comparison(PLANNER, plans, 4, deadline_seconds=600).stretches
    assert found[-1].cheaper is None
    assert "none in time from" in sentence(found, ARCHITECTURE_TITLES)


def test_a_single_architecture_is_not_compared() -> None:
    found = months({"sqs": planned("sqs", 1000)}, 4, PLANNER)
    assert (found.stretches, found.verdict) == ((), "")


def test_nothing_of_what_is_at_rest_is_a_number_of_its_own() -> None:
    """The event sources are those of the template."""
    for architecture in ("sqs", "sfn"):
        usages = [line.usage for line in month(architecture, 1000, 4).parts[AT_REST].lines]
        assert usages == list(at_rest(architecture, duration="lambda.gb_seconds.arm64"))


# ----------------------------------------------------------------------------------------------------- the documents
def test_the_documents_show_the_month_as_it_is_computed() -> None:
    """If they do not: `python -m costs.month --write`."""
    shown = [document for document in DOCUMENTS if BEGIN in text_of(document)]
    assert "costs.md" in [document.name for document in shown]
    for document in shown:
        assert "\n".join(lines_of(text_of(document))) + "\n" == text_of(document)
