"""The plan's units beside the meter's, for a grid of settings of both architectures.

What the workload determines is equal; what time decides lies within the plan's bounds; log bytes are within 3% of the
plan's for the invocations that there were. Nothing in the plan was fitted to the meter: where they disagree, one of
them does not do what the protocol or AWS's rule says.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

import pytest

from costs.plan import log_lines
from costs.plan.timing import Timing
from costs.plan.units import units
from costs.usage import INIT, Usage
from sandbox.meter.rules import lambda_gb_seconds
from tests.e2e.metered import Case, Grid, Metered, Row
from tests.probes import eventually

CASES = [
    # SQS, ten messages an invocation, segments of 40 chunks.
    Case("ten", 0, 10),
    Case("ten", 20, 1),
    Case("ten", 100, 1),
    Case("ten", 100, 10),
    Case("ten", 250, 25, most_value=9),
    Case("ten", 1000, 100),
    Case("ten", 1001, 100, most_value=20, slots=50),
    Case("ten", 2000, 20),
    Case("ten", 2000, 50),
    Case("ten", 2000, 500, most_value=3, slots=100),
    Case("ten", 60, 5, most_value=20, slots=1),
    Case("ten", 60, 10, fail_rate=1, attempts=2),
    Case("ten", 200, 10, fail_rate=0.05, attempts=2),
    Case("ten", 100, 10, item_bytes=3_000),
    # SQS, three messages an invocation, segments of 400 chunks.
    Case("three", 150, 1),
    Case("three", 20, 7, most_value=500, slots=7),
    Case("three", 1000, 500),
    # More work than an invocation has time for.
    Case("three", 18, 6, most_value=1000, slots=1),
    Case("three", 100, 10, fail_rate=0.3, attempts=1),
    Case("three", 40, 10, item_bytes=12_000),
    Case("three", 60, 4, item_bytes=33_000),
    Case("three", 20, 1, item_bytes=110_000),
    Case("three", 12, 100, item_bytes=250_000),
    # Step Functions.
    Case("map", 0, 10),
    Case("map", 20, 1),
    Case("map", 100, 10),
    Case("map", 250, 25, most_value=20, slots=1),
    Case("map", 1000, 100, most_value=9),
    Case("map", 1001, 100),
    Case("map", 40, 20, most_value=1000, slots=1),
    Case("map", 2000, 50),
    Case("map", 2000, 500, most_value=3, slots=100),
    Case("map", 60, 10, fail_rate=1, attempts=2),
    Case("map", 200, 10, fail_rate=0.05, attempts=2),
    Case("map", 100, 10, fail_rate=0.3, attempts=1),
    Case("map", 40, 10, item_bytes=30_000),
    Case("map", 90, 10, item_bytes=100_000),
]
ORCHESTRATION_MB = 256
LOG_TOLERANCE = 0.03
# Raw units of the meter, from which priced ones are made: docs of /_rollcall/meter.
UNPRICED = {"lambda.billed_ms", "lambda.init_gb_seconds", "lambda.work_gb_seconds", "lambda.cold_starts", "s3.deletes"}
EXPRESS = {"states.express_requests", "states.express_gb_seconds"}


class Place(NamedTuple):
    """What a line of the plan and of the meter is about."""

    unit: str
    function: str | None
    operation: str


@pytest.fixture(scope="module")
def grid(engine, sandbox, aws, request) -> Iterator[Mapping[str, Future[Metered]]]:
    """Every case that was asked for, on its way."""
    if engine != "native":
        pytest.skip("the meter counts the same wherever the engine runs, and two grids at a time take minutes")
    asked = [item.callspec.params["case"] for item in request.session.items if item.path == request.path]
    runner = Grid(sandbox.endpoint, aws)
    try:
        yield runner.start(asked)
    finally:
        runner.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plan_says_what_the_meter_counts(grid: Mapping[str, Future[Metered]], case: Case) -> None:
    metered = grid[case.name].result()
    # The last lines of a log arrive up to half a second late.
    eventually(lambda: compare(metered, metered.rows()))


def compare(metered: Metered, rows: list[Row]) -> None:
    """Raise AssertionError with a table of the lines that disagree."""
    case = metered.case
    timing = timing_of(metered, rows)
    planned = units(case.architecture, case.workload, case.settings, timing, metered.batch_id)
    counted = sums(rows)
    lines = [line for line in differences(bounds(planned), counted)]
    lines += log_differences(metered, rows, planned)
    lines += duration_differences(metered, rows)
    title = f"{'unit':28}{'function':26}{'operation':28}{'plan':>26}{'meter':>14}\n"
    assert not lines, f"{case.name}, {metered.batch_id}:\n{title}" + "\n".join(lines)


def sums(rows: list[Row]) -> dict[Place, float]:
    """The meter's quantities of what AWS bills, the way the plan tells them apart."""
    found: defaultdict[Place, float] = defaultdict(float)
    for row in rows:
        unit, operation = row["unit"], row["operation"]
        if unit in UNPRICED | EXPRESS or (row["by"] == "states" and unit == "s3.puts"):
            continue
        if unit == "states.children":
            unit, operation = "states.transitions", "children"
        found[Place(unit, row["function"], operation)] += row["quantity"]
    return dict(found)


def bounds(planned: list[Usage]) -> dict[Place, tuple[float, float]]:
    """The least and the most of everything that the sandbox has too."""
    found: defaultdict[Place, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for usage in planned:
        # Results of a Map Run, metrics and INIT_START lines are not the sandbox's.
        results = usage.price == "s3.puts" and usage.function is None
        if results or usage.price == "cloudwatch.metric_months" or usage.part == INIT:
            continue
        place = Place(usage.price, usage.function, usage.operation or "")
        low, high = found[place]
        assert usage.low is not None
        assert usage.high is not None
        found[place] = low + usage.low, high + usage.high
        assert usage.low <= usage.quantity <= usage.high, usage
    return dict(found)


def differences(planned: Mapping[Place, tuple[float, float]], counted: Mapping[Place, float]) -> Iterator[str]:
    """Every line that the meter has outside the plan's bounds, or only one of them has."""
    for place in sorted(planned.keys() | counted.keys(), key=str):
        low, high = planned.get(place, (0.0, 0.0))
        quantity = counted.get(place, 0.0)
        if not low - 1e-6 <= quantity <= high + 1e-6:
            span = f"{low:,.2f}" if low == high else f"{low:,.2f}..{high:,.2f}"
            yield f"{place.unit:28}{place.function or '-':26}{place.operation:28}{span:>26}{quantity:>14,.2f}"


def log_differences(metered: Metered, rows: list[Row], planned: list[Usage]) -> Iterator[str]:
    """Every function whose lines are more than 3% longer or shorter than planned for as many invocations.

    Where chance decides how many chunks fail, or in SQS how many invocations they fail in, only Lambda's own lines are
    looked at, and the failure recorder's, of which each invocation writes one: the bounds hold for the others.
    """
    rate = metered.case.fail_rate
    by_chance = 0 < rate < 1 or (rate == 1 and metered.case.architecture == "sqs")

    def total(unit: str, function: str | None, operation: str | None = None) -> float:
        chosen = (row for row in rows if (row["unit"], row["function"]) == (unit, function))
        return sum(row["quantity"] for row in chosen if operation in (None, row["operation"]))

    def of_plan(*line: str | None) -> float:
        return sum(usage.quantity for usage in planned if (usage.price, usage.function, usage.operation) == line)

    for function in sorted({row["function"] for row in rows if row["unit"] == "lambda.requests"}):
        memory = metered.case.settings.processor_memory if function == "ProcessorFunction" else ORCHESTRATION_MB
        invocations, cold = total("lambda.requests", function), total("lambda.cold_starts", function)
        each_ms = total("lambda.billed_ms", function) / invocations
        warm = log_lines.platform_bytes(memory, each_ms)
        init = log_lines.platform_bytes(memory, each_ms, 300.0) - warm
        # A trial of the work writes no line.
        trial = int(function == "ProcessorFunction" and metered.case.architecture == "sfn")
        invoked = of_plan("lambda.requests", function, "invoke") - trial
        own = of_plan("logs.bytes", function, "function") * (invocations - trial) / invoked
        for operation, plan in (("platform", invocations * warm + cold * init), ("function", own)):
            counted = total("logs.bytes", function, operation)
            if by_chance and operation == "function" and function != "FailureRecorderFunction":
                continue
            if abs(counted - plan) > LOG_TOLERANCE * plan:
                yield f"{'logs.bytes, 3%':28}{function:26}{operation:28}{plan:>26,.2f}{counted:>14,.2f}"


def duration_differences(metered: Metered, rows: list[Row]) -> Iterator[str]:
    """Functions of whose milliseconds the plan's formula makes other GB-seconds than the meter."""
    counted = sums(rows)
    for row in rows:
        if row["unit"] == "lambda.billed_ms":
            place = Place(f"lambda.gb_seconds.{metered.case.settings.cpu_architecture}", row["function"], "invoke")
            memory = (
                metered.case.settings.processor_memory if row["function"] == "ProcessorFunction" else ORCHESTRATION_MB
            )
            plan = lambda_gb_seconds(row["quantity"], memory)
            if counted[place] != pytest.approx(plan):
                yield f"{place.unit:28}{place.function:26}{place.operation:28}{plan:>26,.4f}{counted[place]:>14,.4f}"


def timing_of(metered: Metered, rows: list[Row]) -> Timing:
    """How the time passed here, which the plan is not asked to know; its bounds do not depend on it."""

    def total(unit: str, function: str | None = None) -> float:
        return sum(row["quantity"] for row in rows if row["unit"] == unit and function in (None, row["function"]))

    memory_gb = metered.case.settings.processor_memory / 1024
    counts: dict[str, Any] = {}
    for name, function in (("batcher", "BatcherFunction"), ("finalizer", "FinalizerFunction")):
        counts[f"{name}_invocations"] = total("lambda.requests", function)
        counts[f"{name}_ms"] = total("lambda.billed_ms", function)
    return Timing(
        seconds=metered.seconds,
        bottleneck="this machine",
        processor_invocations=total("lambda.requests", "ProcessorFunction"),
        processor_ms=total("lambda.billed_ms", "ProcessorFunction"),
        work_ms=total("lambda.work_gb_seconds", "ProcessorFunction") / memory_gb * 1000,
        cold_starts=total("lambda.cold_starts"),
        child_ms=total("states.express_gb_seconds") / (64 / 1024) * 1000,
        **counts,
    )
