"""From the meter's rows to a bill: hand-written answers, amounts worked out by hand."""

from typing import Any

import pytest

from costs.bill import priced
from costs.facts.prices import PriceBook
from costs.metered import provisioned_pollers, usages_of
from costs.usage import Usage
from rollcall.batches.bill import began_before, clock_hours

BOOK = PriceBook.load()
SQS, SFN = "SqsBatchProcessing", "SfnBatchProcessing"


def row(unit: str, operation: str, quantity: float, by: str = "function", **where: Any) -> dict[str, Any]:
    """A row of the meter of batch `b`'s, of the SQS stack's processor unless `where` says otherwise."""
    place = {"batch": "b", "stack": SQS, "function": "ProcessorFunction", **where}
    return {**place, "by": by, "unit": unit, "operation": operation, "quantity": quantity, "calls": int(quantity) or 1}


def answer(*rows: dict[str, Any], metrics: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"since": "2026-11-23T10:00:00.000Z", "rows": list(rows), "storage": [], "metrics": metrics or []}


def found(usages: list[Usage], price: str) -> float:
    return sum(usage.quantity for usage in usages if usage.price == price)


def test_what_is_billed_as_counted_is_billed_as_counted() -> None:
    usages = usages_of(
        answer(
            row("lambda.requests", "invoke", 5),
            row("dynamodb.write_units", "UpdateItem", 10),
            row("dynamodb.write_units", "UpdateItem:failed-condition", 2),
            row("dynamodb.read_units", "Query", 5),
            row("events.published", "PutEvents", 2, function="FinalizerFunction"),
            row("logs.bytes", "platform", 2_000),
            row("logs.bytes", "function", 3_000),
        ),
        SQS,
        "b",
    )
    assert {usage.note for usage in usages} == {""}
    assert [usage.operation for usage in usages if usage.price == "dynamodb.write_units"] == [
        "UpdateItem",
        "UpdateItem:failed-condition",
    ]
    # 5 x 0.20/M + 12 x 0.625/M + 5 x 0.125/M + 2 x 1/M + 5,000 B at 0.50/GB
    assert priced(usages, BOOK, 1000).dollars == pytest.approx(
        0.000001 + 0.0000075 + 0.000000625 + 0.000002 + 0.000002328306437, rel=1e-9
    )


def test_other_stacks_other_batches_and_the_command_line_are_left_out() -> None:
    rows = [
        row("lambda.requests", "invoke", 1),
        row("lambda.requests", "invoke", 10, batch="c"),
        row("lambda.requests", "invoke", 100, batch=None),
        row("lambda.requests", "invoke", 1_000, stack=SFN),
        row("lambda.requests", "invoke", 10_000, stack=None),
        row("sqs.requests", "SendMessage", 100_000, by="client"),
    ]
    assert [usage.quantity for usage in usages_of(answer(*rows), SQS, "b")] == [1]
    assert [usage.quantity for usage in usages_of(answer(*rows), SQS, None)] == [111]


def test_units_that_aws_does_not_bill_have_no_line() -> None:
    rows = [
        row("lambda.billed_ms", "256", 500),
        row("s3.deletes", "DeleteObjects", 3),
    ]
    assert usages_of(answer(*rows), SQS, "b") == []


def test_lambda_s_time_is_the_user_s_own_only_while_items_are_processed() -> None:
    usages = usages_of(
        answer(
            row("lambda.gb_seconds.arm64", "invoke", 10),
            row("lambda.work_gb_seconds", "invoke", 7),
            row("lambda.init_gb_seconds", "invoke", 1),
            row("lambda.gb_seconds.arm64", "invoke", 4, function="FinalizerFunction"),
        ),
        SQS,
        "b",
    )
    assert {(usage.function, usage.what, usage.own, usage.quantity) for usage in usages} == {
        ("ProcessorFunction", "your items being processed", True, 7),
        ("ProcessorFunction", "cold starts", False, 1),
        ("ProcessorFunction", "all else in the processor", False, 2),
        ("FinalizerFunction", "the finalizer", False, 4),
    }
    bill = priced(usages, BOOK, 1_000_000)
    assert (bill.own, bill.orchestration) == (pytest.approx(0.0000933338), pytest.approx(0.0000933338))


def test_work_that_was_cut_off_is_no_more_than_was_billed() -> None:
    usages = usages_of(
        answer(row("lambda.gb_seconds.x86_64", "invoke", 2), row("lambda.work_gb_seconds", "invoke", 3)), SQS, "b"
    )
    assert [(usage.own, usage.quantity) for usage in usages] == [(True, 2)]


def test_pollers_empty_receives_are_part_of_what_the_stack_costs_at_rest() -> None:
    usages = usages_of(
        answer(
            row("sqs.requests", "ReceiveMessage", 5, by="poller"),
            row("sqs.requests", "ReceiveMessage:empty", 70, by="poller", batch=None),
            row("sqs.requests", "DeleteMessageBatch", 5, by="poller"),
            row("sqs.requests", "SendMessage", 1),
        ),
        SQS,
        None,
    )
    assert found(usages, "sqs.requests") == 11
    assert all(("at rest" in usage.note) == (usage.operation != "SendMessage") for usage in usages)


CHILDREN = (
    row("states.transitions", "parent", 5, by="states", stack=SFN, function=None),
    row("states.transitions", "child", 30, by="states", stack=SFN, function=None),
    row("states.children", "child", 10, by="states", stack=SFN, function=None),
    row("states.express_requests", "child", 10, by="states", stack=SFN, function=None),
    row("states.express_gb_seconds", "child", 0.125, by="states", stack=SFN, function=None),
)


def test_provisioned_pollers_are_paid_as_far_as_processors_needed_them_and_two_at_any_time() -> None:
    # 450 s of processors keep a poller of ten going for 45 s.
    rows = [
        row("lambda.billed_ms", "256", 450_000),
        row("lambda.billed_ms", "256", 9_000, function="FinalizerFunction"),
    ]
    for seconds, expected in ((10, 45), (100, 200), (0, 45)):
        (usage,) = provisioned_pollers(rows, 100, seconds)
        assert (usage.price, usage.quantity) == ("lambda.poller_unit_hours", pytest.approx(expected / 3600))
        assert "of the stack's 100" in usage.note
    assert not list(provisioned_pollers(rows, 0, 10))


def test_standard_children_are_transitions() -> None:
    usages = usages_of(answer(*CHILDREN), SFN, "b", "STANDARD")
    assert {usage.price: found(usages, usage.price) for usage in usages} == {"states.transitions": 45}
    assert priced(usages, BOOK, None).dollars == pytest.approx(45 * 0.000025)


def test_express_children_are_requests_and_time_beside_a_transition_each() -> None:
    usages = usages_of(answer(*CHILDREN), SFN, "b", "EXPRESS")
    assert {usage.price: found(usages, usage.price) for usage in usages} == {
        "states.transitions": 15,
        "states.express_requests": 10,
        "states.express_gb_seconds": 0.125,
    }
    # 15 x $25/M + 10 x $1/M + 0.125 GB-s x $0.06/3,600
    assert priced(usages, BOOK, None).dollars == pytest.approx(0.000375 + 0.00001 + 0.0000020833333)
    assert all("EXPRESS" in usage.note for usage in usages if usage.price.startswith("states.express"))


def test_a_million_express_children_of_200_ms_cost_what_aws_s_prices_come_to() -> None:
    rows = [
        row("states.children", "child", 1_000_000, by="states", stack=SFN),
        row("states.express_requests", "child", 1_000_000, by="states", stack=SFN),
        row("states.express_gb_seconds", "child", 1_000_000 * 0.2 * 64 / 1024, by="states", stack=SFN),
    ]
    assert priced(usages_of(answer(*rows), SFN, "b"), BOOK, None).dollars == pytest.approx(26.2083, rel=1e-5)


def test_results_are_put_as_on_aws_for_each_map_run() -> None:
    rows = [
        row("s3.puts", "PutObject", 2, by="states", stack=SFN, function=None),
        row("s3.gets", "GetObject", 2, by="states", stack=SFN, function=None),
        row("s3.puts", "PutObject", 3, stack=SFN, function="BatcherFunction"),
    ]
    usages = usages_of(answer(*rows), SFN, "b")
    assert {(usage.function, usage.operation): (usage.price, usage.quantity) for usage in usages} == {
        ("BatcherFunction", "PutObject"): ("s3.puts", 3),
        (None, "PutObject"): ("s3.puts", 8),
        (None, "GetObject"): ("s3.gets", 2),
    }


def test_each_cold_start_logs_a_line_on_aws() -> None:
    [usage] = usages_of(answer(row("lambda.cold_starts", "invoke", 3)), SQS, "b")
    line = "INIT_START Runtime Version: python:3.13.v45\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:"
    assert (usage.price, usage.quantity) == ("logs.bytes", 3 * len(f"{line}{64 * '0'}\n"))


METRICS = [
    {"namespace": "Rollcall", "name": name, "dimensions": {"service": "sqs-processor"}, "stack": stack, "hours": hours}
    for name, stack, hours in (("ItemsProcessed", SQS, 3), ("ItemsFailed", SQS, 1), ("ItemsProcessed", SFN, 3))
]


def test_custom_metrics_cost_a_month_s_price_by_the_hour() -> None:
    usages = usages_of(answer(metrics=METRICS), SQS, "b", hours=2)
    assert found(usages, "cloudwatch.metric_months") == pytest.approx((2 + 1) / 730)
    assert priced(usages, BOOK, None).dollars == pytest.approx(3 * 0.30 / 730)
    everything = usages_of(answer(metrics=METRICS), SQS, None)
    assert found(everything, "cloudwatch.metric_months") == pytest.approx((3 + 1) / 730)


def test_the_check_that_still_comes_is_an_average_look_of_the_finalizer() -> None:
    finalizer = {"function": "FinalizerFunction"}
    counted = answer(
        row("lambda.requests", "invoke", 2, **finalizer),
        row("lambda.gb_seconds.arm64", "invoke", 0.05, **finalizer),
        row("logs.bytes", "platform", 800, **finalizer),
        row("logs.bytes", "function", 200, **finalizer),
    )
    still = [usage for usage in usages_of(counted, SQS, "b", check_due=True) if usage.note]
    assert {usage.price: usage.quantity for usage in still} == {
        "lambda.requests": 1,
        "lambda.gb_seconds.arm64": pytest.approx(0.025),
        "sqs.requests": 2,
        "dynamodb.read_units": 1,
        "logs.bytes": 500,
    }
    assert not [usage for usage in usages_of(counted, SQS, "b") if usage.note]


def test_hours_are_those_of_the_clock_that_a_batch_touched() -> None:
    assert clock_hours("2026-11-23T10:59:59.000Z", "2026-11-23T11:00:01.000Z") == 2
    assert clock_hours("2026-11-23T10:00:00.000Z", "2026-11-23T10:59:59.999Z") == 1
    assert clock_hours("2026-11-23T23:30:00.000Z", "2026-11-24T02:00:00.000Z") == 4
    assert clock_hours("2026-11-23T10:00:00.000Z", None) == 1


def test_a_batch_that_began_before_the_meter_was_not_counted_whole() -> None:
    since = "2026-11-23T10:00:00.000+00:00"
    assert began_before("2026-11-23T09:59:59.999Z", since)
    assert not began_before("2026-11-23T10:00:00.000Z", since)
    assert not began_before(None, since)
