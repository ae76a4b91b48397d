"""What cannot work is refused with the limit that forbids it; what the stacks bend is planned as they bend it."""

from typing import Any

import pytest

from bootstrap.problem import Problem
from costs.facts.figures import Assumptions, Figures, Quotas, Rules
from costs.plan.limits import Impossible
from handlers.sfn.chunk_file import MAX_BYTES, PART_BYTES
from tests.unit.planning import planned

TENFOLD = {"lambda.concurrency": 10_000}


@pytest.mark.parametrize(
    ("architecture", "limit", "said", "asked"),
    [
        ("sqs", "ItemConcurrency", "101", {"item_concurrency": 101}),
        ("sfn", "ItemsPerChunk", "10,001", {"items_per_chunk": 10_001}),
        ("sqs", "lambda.sqs_maximum_concurrency", "MaxConcurrency: 1 is not from 2 to 1,000", {"max_concurrency": 1}),
        ("sqs", "lambda.sqs_maximum_concurrency", "1,001", {"max_concurrency": 1001}),
        ("sfn", "MaxConcurrency", "10,001", {"max_concurrency": 10_001}),
        ("sqs", "lambda.provisioned_pollers", "10,001", {"pollers": 10_001}),
        ("sqs", "FunctionTimeout", "121 is not from 3 to 120", {"function_timeout": 121}),
        ("sqs", "ProcessorTimeout", "901 is not from 1 to 900", {"processor_timeout": 901}),
        ("sqs", "ProcessorTimeout", "an item may take 60.0 s", {"values": "constant:60000"}),
        ("sqs", "sqs.message_bytes", "fits no chunk", {"item_bytes": 300_000}),
        ("sfn", "states.payload_bytes", "fits no chunk", {"item_bytes": 210_000}),
        ("sqs", "sqs.message_bytes", "200,000 at most", {"item_bytes": 250_000,
         "sqs.message_bytes": 200_000}),
        ("sfn", "states.express_seconds", "may need 287 s", {"processor_timeout": 120}),
        ("sfn", "states.express_seconds", "may need 295 s", {"retry_delay_seconds": 200}),
        ("sfn", "states.history_events", "a child would have", {"items_per_chunk": 10_000, "item_concurrency": 1,
         "values": "constant:30000", "child_type": "STANDARD"}),
        ("sfn", "s3.multipart_parts", "parts of 8 MiB", {"items": 100_000_000, "item_bytes": 1000, **TENFOLD}),
        ("sfn", "ItemsPerChunk", "5,000,001 chunks", {"items": 5_000_001, "items_per_chunk": 1}),
        ("sqs", "DeadlineSeconds", "longest deadline", {"items": 100_000_000, "item_concurrency": 1}),
        ("sqs", "FunctionTimeout", "the batcher needs", {"function_timeout": 5, "items_per_chunk": 2000,
         "items": 10_000_000, "values": "constant:0"}),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(architecture: str, limit: str, said: str, asked: dict[str, Any]) -> None:
    quotas = {name: value for name, value in asked.items() if "." in name}
    others = {name: value for name, value in asked.items() if "." not in name}
    with pytest.raises(Impossible) as impossible:
        planned(architecture, **{"items": 1_000_000, **others}, quotas=quotas)
    assert impossible.value.limit == limit
    assert said in impossible.value.message


def test_the_plan_and_the_batcher_know_the_same_largest_file() -> None:
    assert Quotas.load()["s3.multipart_parts"] * PART_BYTES == MAX_BYTES


def test_chunks_are_cut_where_a_message_or_a_state_is_full() -> None:
    """200 KiB hold 20 items of 10,000 bytes, and 1 MiB less 1 KiB 104."""
    for architecture, items, limit in (("sfn", 20, "states.payload_bytes"), ("sqs", 104, "sqs.message_bytes")):
        plan = planned(architecture, 10_000, item_bytes=10_000, items_per_chunk=1000)
        assert plan.settings.items_per_chunk == items
        assert plan.timing.chunks == -(-10_000 // items)
        assert any(limit in warning for warning in plan.warnings)


def test_an_invocation_takes_no_more_messages_than_fit_its_event() -> None:
    plan = planned("sqs", 100_000, item_bytes=10_000, items_per_chunk=100, batch_size=10)
    assert plan.settings.batch_size == 4
    assert any("lambda.event_bytes" in warning for warning in plan.warnings)


def test_a_batch_that_misses_its_deadline_says_what_to_set() -> None:
    plan = planned("sqs", 10_000_000)
    (warning,) = plan.warnings
    assert "ends EXPIRED after DeadlineSeconds=21,600: raise that to 61,000" in warning


def test_provisioned_pollers_are_paid_also_without_a_batch_and_said_so() -> None:
    plan = planned("sqs", 1_000_000, pollers=100)
    (line,) = [line for line in plan.bill.lines if line.usage.price == "lambda.poller_unit_hours"]
    assert line.usage.quantity == pytest.approx(100 * plan.seconds / 3600, rel=0.02)
    assert any("2 of them cost on without one, $13.50 a month" in warning for warning in plan.warnings)


@pytest.mark.parametrize(("architecture", "asked"), [("sfn", {"max_concurrency": 5000}), ("sqs", {"pollers": 500})])
def test_more_calls_than_lambda_takes_are_warned_of(architecture: str, asked: dict[str, Any]) -> None:
    def warned(quotas: dict[str, float] | None) -> bool:
        plan = planned(architecture, 1_000_000, quotas=quotas, **asked)
        return any("lambda.concurrency is 1,000" in warning for warning in plan.warnings)

    assert warned(None)
    assert not warned({"lambda.concurrency": 5000})


# ------------------------------------------------------------------------------------------------------- the figures
@pytest.mark.parametrize("figures", [Quotas.load(), Assumptions.load(), Rules.load()])
def test_every_figure_says_where_it_is_from(figures: Figures) -> None:
    names = [figure.name for figure in figures.figures]
    assert len(set(names)) == len(names)
    for figure in figures.figures:
        assert figure.value > 0
        assert all((figure.unit, figure.title, figure.source, figure.date))
        assert figure.confidence in ("high", "medium", "low")


def test_a_quota_of_no_such_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(Problem, match=r"lambda\.cores: there is no such figure") as problem:
        Quotas.load().with_({"lambda.cores": 5})
    assert "lambda.concurrency" in (problem.value.hint or "")


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_a_quota_that_is_no_amount_is_refused(value: float) -> None:
    with pytest.raises(Problem, match="finite and more than 0"):
        Quotas.load().with_({"lambda.concurrency": value})


def test_another_value_leaves_the_rest_alone() -> None:
    before, after = Quotas.load(), Quotas.load().with_({"lambda.concurrency": 5000})
    assert (before["lambda.concurrency"], after["lambda.concurrency"]) == (1000, 5000)
    assert before == Quotas.load() != after
    assert after["sqs.in_flight"] == before["sqs.in_flight"]
