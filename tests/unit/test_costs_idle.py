"""What a stack costs a month without a batch, against amounts worked out by hand."""

import pytest

from costs.facts.prices import PriceBook
from costs.idle import idle_bill
from tests.unit.test_costs_metered import answer, row

BOOK = PriceBook.load()
# A poller's 20 s long polls in 730 hours.
POLLS = 131_400
GB = 1_073_741_824


def test_two_event_sources_poll_all_month_and_cost_at_most_55_cents() -> None:
    bill = idle_bill("sqs", BOOK)
    polled = dict.fromkeys(("ProcessorEventSource", "FinalizerEventSource"), 5 * POLLS)
    assert {line.usage.operation: line.usage.quantity for line in bill.lines} == polled
    # 10 x 131,400 = 1,314,000 requests at $0.40 per million
    assert bill.dollars == pytest.approx(0.5256)
    assert bill.dollars <= 0.55
    assert bill.per_million() is None


def test_pollers_do_not_become_fewer_where_a_maximum_concurrency_is_set() -> None:
    assert {line.usage.low for line in idle_bill("sqs", BOOK).lines} == {5 * POLLS}


def test_two_provisioned_pollers_are_paid_all_month_beside_their_polls() -> None:
    lines = idle_bill("sqs", BOOK, pollers=100).lines
    mine = [line for line in lines if line.usage.operation == "ProcessorEventSource"]
    units, polls = sorted(mine, key=lambda line: line.usage.price)
    # 2 x 730 hours x $0.00925
    assert (units.usage.quantity, units.dollars) == (1460, pytest.approx(13.505))
    assert (polls.usage.quantity, polls.usage.low, polls.usage.high) == (2 * POLLS, 2 * POLLS, 20 * POLLS)


def test_step_functions_have_one_event_source_and_an_hourly_sweep() -> None:
    bill = idle_bill("sfn", BOOK)
    # Polls: 657,000 x $0.40/M. Sweeps: 730 x (3 x $0.40/M + $0.20/M + 0.25 GB x 1 s x $0.0000133334)
    assert bill.dollars == pytest.approx(0.2628 + 0.000876 + 0.000146 + 0.00243334550)
    assert bill.by_service() == {"Lambda": pytest.approx(0.0025793455), "SQS": pytest.approx(0.263676)}


def test_what_batches_left_is_stored() -> None:
    answer = {
        "rows": [
            row("logs.bytes", "function", GB / 2, stack="Here"),
            row("logs.bytes", "function", GB, stack="Elsewhere"),
            row("sqs.requests", "SendMessage", GB, stack="Here"),
        ],
        "storage": [
            {"service": "dynamodb", "resource": "table", "stack": "Here", "bytes": GB, "objects": 10},
            {"service": "s3", "resource": "bucket", "stack": "Here", "bytes": GB * 2, "objects": 3},
            {"service": "s3", "resource": "other", "stack": None, "bytes": GB, "objects": 3},
        ],
    }
    stored = {
        line.usage.price: line.dollars
        for line in idle_bill("sqs", BOOK, answer, "Here").lines
        if line.usage.price.endswith("gb_months")
    }
    assert stored == {
        "dynamodb.gb_months": pytest.approx(0.25),
        "s3.gb_months": pytest.approx(0.046),
        "logs.gb_months": pytest.approx(0.015),
    }


def test_the_sweep_costs_what_the_deployed_functions_do() -> None:
    deployed = answer(row("lambda.gb_seconds.x86_64", "invoke", 1, stack="Here"))
    used = {line.usage.price for line in idle_bill("sfn", BOOK, deployed, "Here").lines}
    assert "lambda.gb_seconds.x86_64" in used
    assert "lambda.gb_seconds.arm64" not in used
