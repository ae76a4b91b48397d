"""The catalogue of words: plans and bills say the same of the same billed row."""

import pytest

from costs.metered import usages_of
from costs.plan.settings import Settings, Workload
from costs.plan.units import units
from costs.usage import Usage
from tests.unit.planning import PLANNER, workload
from tests.unit.test_costs_metered import SQS, answer, row

BATCHES = [
    ("sqs", workload(20_000, fail_rate=0.1), Settings()),
    ("sqs", workload(500, item_bytes=300, fail_rate=1.0), Settings(chunks_per_segment=1, items_per_chunk=5)),
    ("sfn", workload(20_000, fail_rate=0.1), Settings()),
    ("sfn", workload(600, item_bytes=100_000), Settings(child_type="STANDARD")),
]


def planned(architecture: str, batch: Workload, settings: Settings) -> list[Usage]:
    plan = PLANNER(architecture, batch, settings)
    return units(architecture, batch, settings, plan.timing)


@pytest.mark.parametrize("batch", BATCHES)
def test_every_planned_row_has_words(batch: tuple[str, Workload, Settings]) -> None:
    assert not [usage for usage in planned(*batch) if usage.what == usage.operation]


@pytest.mark.parametrize("batch", BATCHES)
def test_a_bill_says_of_a_row_what_the_plan_says(batch: tuple[str, Workload, Settings]) -> None:
    """But for rows of Step Functions and of cold starts, which a bill derives from other units of the meter."""
    for usage in planned(*batch):
        if usage.part or usage.own or usage.price.startswith(("states.", "cloudwatch.")):
            continue
        counted = row(usage.price, usage.operation or "", 1, function=usage.function)
        assert [billed.what for billed in usages_of(answer(counted), SQS, "b")] == [usage.what]


def test_an_operation_without_words_is_called_by_its_name() -> None:
    usage = Usage("dynamodb.write_units", 1, "OtherFunction", "UpdateItem:failed-condition")
    assert usage.what == "UpdateItem, failed condition"
