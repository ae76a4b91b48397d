"""The plan's units beside the calls that the handlers make in the model, for batches of many shapes.

What the plan knows is equal; what it bounds lies within. The model runs the real handlers, and the sandbox's metering
rules make units of their calls. tests/e2e/test_plan_against_meter.py does the same on an engine for what the model has
not: log lines, durations and Step Functions.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from costs.plan.settings import Settings
from handlers.sqs.batcher import WINDOW_CHUNKS
from tests.model.metered import Row, item_lines, metered
from tests.model.world import Scale
from tests.unit.golden.plans import plan_of

BATCH_ID = "scheduled-20261123T060000Z"
"""As plans call a batch: its length counts in every record and message."""
NOT_MODELLED = {"logs.bytes", "cloudwatch.metric_months", "lambda.gb_seconds.arm64"}
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
    "lines in one segment": {"items": 200, "items_per_chunk": 10, "item_bytes": 300},
    "lines in segments": {"items": 500, "items_per_chunk": 5, "item_bytes": 300, "chunks_per_segment": 40},
    "long lines, empty segments": {
        "items": 24, "items_per_chunk": 4, "item_bytes": 33_000, "chunks_per_segment": 40, "batch_size": 3,
    },
    "lines of which four fit a message": {"items": 30, "item_bytes": 250_000, "batch_size": 5},
    "large bitmaps": {"items": 9000, "items_per_chunk": 9000, "fail_rate": 0.01, "max_attempts": 2},
}  # fmt: skip


@pytest.mark.parametrize("shape", CASES.values(), ids=CASES)
def test_the_plan_says_what_the_handlers_call(shape: Mapping[str, Any]) -> None:
    asked = {"item_concurrency": 1, **shape}
    items, fail_rate, item_bytes = asked.pop("items"), asked.pop("fail_rate", 0.0), asked.pop("item_bytes", None)
    workload = {"items": items, "values": "constant:0", "fail_rate": fail_rate, "item_bytes": item_bytes}
    units = plan_of({"architecture": "sqs", "workload": workload, "settings": asked})["units"]
    settings = Settings(**asked)
    lines = item_lines(items, item_bytes) if item_bytes else b""
    counted = metered(scale_of(workload, settings), BATCH_ID, settings.max_concurrency, lines)
    bounds = bounds_of({price: units[price] for price in units.keys() - NOT_MODELLED})
    if fail_rate in (0, 1):
        bounds |= known_of_the_batcher(bounds, counted)
    found = list(differences(bounds, counted))
    assert not found, f"{'row':72} {'plan':>20} {'model':>9}\n" + "\n".join(found)


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


def bounds_of(units: Mapping[str, Mapping[str, list[float]]]) -> dict[Row, list[float]]:
    """The plan's [low, expected, high] of every row."""
    return {(price, *key.split()): bounds for price, rows in units.items() for key, bounds in rows.items()}


def known_of_the_batcher(plan: Mapping[Row, list[float]], counted: Mapping[Row, float]) -> dict[Row, list[float]]:
    """The batcher's rows where it hands no segment on for want of time, as in all cases here: nothing but the order of
    segments, which decides what a query finds of the others, is left to time.
    """
    invocations = "lambda.requests", "BatcherFunction", "invoke"
    low, expected, _ = plan[invocations]
    assert low == expected == counted[invocations]
    rows = (row for row in plan if row[1] == "BatcherFunction" and row[2] != "Query")
    return {row: [plan[row][1]] * 3 for row in rows}


def differences(bounds: Mapping[Row, list[float]], counted: Mapping[Row, float]) -> Iterator[str]:
    """Every row that the model has outside the plan's bounds, or that only one of them has."""
    for row in sorted(bounds.keys() | counted.keys()):
        low, _, high = bounds.get(row, [0.0, 0.0, 0.0])
        if not low - CLOSE <= counted.get(row, 0.0) <= high + CLOSE:
            span = f"{low:,g}" if low == high else f"{low:,g}..{high:,g}"
            yield f"{' '.join(row):72} {span:>20} {counted.get(row, 0.0):>9,g}"
