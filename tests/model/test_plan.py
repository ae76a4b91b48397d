"""The plan's units beside the calls that the handlers make in the model, for batches of many shapes.

What the plan knows is equal; what it bounds lies within. The model runs the real handlers, and the sandbox's metering
rules make units of their calls. tests/e2e/test_plan_against_meter.py does the same on an engine for what the model has
not: log lines, durations, inputs in S3 and Step Functions.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from handlers.sqs.batcher import WINDOW_CHUNKS
from rollcall.planning.settings import Settings
from tests.model.metered import Row, metered
from tests.model.world import Scale
from tests.unit.golden.plans import plan_of

BATCH_ID = "scheduled-20261123T060000Z"
"""As plans call a batch: its length counts in every record and message."""
MODELLED = ("lambda.requests", "sqs.requests", "dynamodb.write_units", "dynamodb.read_units", "events.published")
CLOSE = 1e-6
CASES = {
    "1 item": {"items": 1},
    "99 items": {"items": 99},
    "1,000 items": {"items": 1000},
    "80 chunks in segments of 40": {"items": 800, "items_per_chunk": 10, "chunks_per_segment": 40, "batch_size": 10},
    "200 chunks in segments of 40": {"items": 400, "items_per_chunk": 2, "chunks_per_segment": 40, "batch_size": 10},
    "400 chunks in segments of 40": {"items": 400, "items_per_chunk": 1, "chunks_per_segment": 40, "batch_size": 10},
    "51 chunks, a segment each": {"items": 101, "items_per_chunk": 2, "chunks_per_segment": 1, "batch_size": 1},
    "300 chunks in one segment": {"items": 300, "items_per_chunk": 1},
    "251 chunks, twenty messages": {"items": 251, "items_per_chunk": 1, "batch_size": 20},
    "two processors": {"items": 100, "items_per_chunk": 1, "max_concurrency": 2, "batch_size": 5},
    "all fail at once": {"items": 60, "items_per_chunk": 10, "fail_rate": 1.0, "max_attempts": 1},
    "all fail twice": {"items": 60, "items_per_chunk": 10, "fail_rate": 1.0, "max_attempts": 2},
    "all fail, 50 chunks": {"items": 100, "items_per_chunk": 2, "fail_rate": 1.0, "batch_size": 10},
    "a tenth fails": {"items": 500, "items_per_chunk": 10, "fail_rate": 0.1, "batch_size": 10},
    "few fail, looked at every second": {
        "items": 500, "items_per_chunk": 5, "fail_rate": 0.02, "check_interval_seconds": 1,
    },
    "large bitmaps": {"items": 9000, "items_per_chunk": 9000, "fail_rate": 0.01, "max_attempts": 2},
}  # fmt: skip


@pytest.mark.parametrize("shape", CASES.values(), ids=CASES)
def test_the_plan_says_what_the_handlers_call(shape: Mapping[str, Any]) -> None:
    asked = {"item_concurrency": 1, **shape}
    workload = {"items": asked.pop("items"), "values": "constant:0", "fail_rate": asked.pop("fail_rate", 0.0)}
    units = plan_of({"architecture": "sqs", "workload": workload, "settings": asked})["units"]
    settings = Settings(**asked)
    counted = metered(scale_of(workload, settings), BATCH_ID, settings.max_concurrency)
    lines = list(differences({price: units[price] for price in MODELLED}, counted))
    assert not lines, f"{'row':72} {'plan':>20} {'model':>9}\n" + "\n".join(lines)


def scale_of(workload: Mapping[str, Any], settings: Settings) -> Scale:
    """The model's world for a workload. Nothing of it is smaller than on AWS."""
    return Scale(
        items=workload["items"],
        items_per_chunk=settings.items_per_chunk,
        chunks_per_segment=settings.chunks_per_segment,
        chunks_per_window=WINDOW_CHUNKS,
        max_attempts=settings.max_attempts,
        deadline=settings.deadline_seconds,
        function_timeout=settings.function_timeout,
        check_interval=settings.check_interval_seconds,
        retry_delay=settings.retry_delay_seconds,
        page_size=1000,
        chunks_per_invocation=settings.batch_size,
        fail_rate=workload["fail_rate"],
    )


def differences(plan: Mapping[str, Mapping[str, list[float]]], counted: Mapping[Row, float]) -> Iterator[str]:
    """Every row that the model has outside the plan's bounds, or that only one of them has."""
    bounds = {(price, *key.split()): each for price, rows in plan.items() for key, each in rows.items()}
    for row in sorted(bounds.keys() | counted.keys()):
        low, _, high = bounds.get(row, [0.0, 0.0, 0.0])
        if not low - CLOSE <= counted.get(row, 0.0) <= high + CLOSE:
            span = f"{low:,g}" if low == high else f"{low:,g}..{high:,g}"
            yield f"{' '.join(row):72} {span:>20} {counted.get(row, 0.0):>9,g}"
