"""What alarms and dashboard cost a month, against amounts worked out by hand."""

import pytest

from bootstrap.stacks import template
from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.idle import idle_bill
from costs.watching import watching
from rollcall.batches.bill import idle_month
from rollcall.target.connection import Connection, Stack

BOOK = PriceBook.load()


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
def test_each_alarm_of_the_template_costs_ten_cents_and_the_dashboard_three_dollars(architecture: str) -> None:
    alarms = template(architecture).count("Type: AWS::CloudWatch::Alarm\n")
    bill = priced([*watching(architecture, alarms=True, dashboard=True)], BOOK, None)
    assert {line.usage.what: line.usage.quantity for line in bill.lines} == {"alarms": alarms, "the dashboard": 1}
    assert bill.dollars == pytest.approx(0.10 * alarms + 3)


def test_the_free_amounts_are_ten_alarms_and_three_dashboards() -> None:
    bill = priced([*watching("sqs", alarms=True, dashboard=True)], BOOK.with_free_tier(), None)
    assert bill.dollars == 0


def test_a_stack_that_nobody_watches_costs_nothing_more() -> None:
    assert list(watching("sfn", alarms=False, dashboard=False)) == []


@pytest.mark.parametrize("architecture", ["sqs", "sfn"])
@pytest.mark.parametrize(
    ("parameters", "alarms", "dashboard"),
    [({}, False, False), ({"AlarmTopicArn": "arn"}, True, False), ({"Dashboard": "ENABLED"}, False, True)],
)
def test_the_month_at_rest_has_the_alarms_and_the_dashboard_that_the_stack_has(
    architecture: str, parameters: dict[str, str], alarms: bool, dashboard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "stacks", {architecture: Stack("Here", {}, parameters)})
    more = priced([*watching(architecture, alarms, dashboard)], BOOK, None).dollars
    found = idle_month(Connection(None, ""), architecture).dollars  # type: ignore[arg-type]
    assert found == pytest.approx(idle_bill(architecture, BOOK).dollars + more)
