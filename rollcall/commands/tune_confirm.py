"""Scaled-down batches of the best few plans, run in the sandbox and metered: the plan beside what was counted.

Each runs on a stack of its own, which is removed afterwards. What can be compared are the units of orchestration: the
sandbox's milliseconds are this machine's, not AWS's.
"""

import json
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bootstrap.deploy import deploy
from bootstrap.destroy import destroy
from bootstrap.failures import DeployFailed
from bootstrap.parameters import BadParameter
from bootstrap.problem import Problem
from bootstrap.stacks import SANDBOX_PARAMETERS
from bootstrap.vendoring import CannotVendor
from costs.bill import Bill, priced
from costs.facts.prices import PriceBook
from costs.plan.chunk_time import SEED
from costs.plan.distribution import Values
from costs.plan.settings import Settings, Workload
from costs.tune.planned import Planned, Planner
from costs.tune.stack_parameters import in_sandbox
from costs.tune.study import Study
from rollcall.batches.batch import Result
from rollcall.batches.bill import metered_bill
from rollcall.batches.input_file import upload_input
from rollcall.commands.run import run_to_end
from rollcall.target.connection import Connection
from rollcall.target.meter_client import fetch_when_quiet

ITEMS = 300
FEWEST_CHUNKS = 3
# About so long a batch may take here; its chunks take their time in any case.
SECONDS = 60
# Processors of a confirming batch at a time: how many there are decides no unit.
AT_A_TIME = 10
# Units whose quantity the protocol decides, not the machine's speed.
COMPARABLE = (
    "lambda.requests",
    "sqs.requests",
    "dynamodb.write_units",
    "dynamodb.read_units",
    "states.transitions",
    "states.express_requests",
    "s3.puts",
    "s3.gets",
    "events.published",
    "logs.bytes",
)


@dataclass(frozen=True)
class Compared:
    """One unit: what the plan says, with its bounds, and what was counted."""

    unit: str
    planned: float
    low: float
    high: float
    counted: float

    @property
    def fits(self) -> bool:
        """Whether the count lies within the plan's bounds."""
        return self.low <= self.counted <= self.high


@dataclass(frozen=True)
class Confirmation:
    """A plan of the search, the same scaled down, how that ended in the sandbox, and both bills of what compares."""

    of: Planned
    scaled: Planned
    result: Result
    planned: Bill
    counted: Bill

    @property
    def units(self) -> tuple[Compared, ...]:
        """Unit by unit, those that either has."""
        return tuple(
            Compared(
                unit,
                total(self.planned, unit, "quantity"),
                total(self.planned, unit, "low"),
                total(self.planned, unit, "high"),
                total(self.counted, unit, "quantity"),
            )
            for unit in COMPARABLE
            if total(self.planned, unit, "quantity") or total(self.counted, unit, "quantity")
        )

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "architecture": self.of.architecture,
            "batchId": self.result.batch_id,
            "status": self.result.status,
            "items": self.scaled.workload.items,
            "plannedPerMillionItems": self.planned.per_million(),
            "countedPerMillionItems": self.counted.per_million(),
            "onAwsDollars": self.scaled.dollars,
            "units": [
                {"unit": each.unit, "planned": each.planned, "low": each.low, "high": each.high,
                 "counted": each.counted, "fits": each.fits}
                for each in self.units
            ],
        }  # fmt: skip


def total(bill: Bill, unit: str, field: str) -> float:
    """A field of all the bill's usages of a unit; a bound that is not given is the quantity."""
    usages = [line.usage for line in bill.lines if line.usage.price == unit]
    return sum(usage.quantity if (value := getattr(usage, field)) is None else value for usage in usages)


def best_few(study: Study, number: int) -> list[Planned]:
    """The recommendation, each architecture's own best, then the others of the front that meet the deadline.

    Of plans that differ only in how many processors there are at a time, which decides no unit here, one is enough.
    """
    front = [plan for plan in study.found.front if study.meets(plan)]
    if study.objective == "speed":
        front.reverse()

    def ranked() -> Iterator[Planned]:
        seen = set()
        for plan in (study.best, *study.chosen.values(), *front):
            alike = plan.architecture, replace(plan.settings, max_concurrency=AT_A_TIME, pollers=None)
            if alike not in seen:
                seen.add(alike)
                yield plan

    return list(islice(ranked(), number))


def confirm(
    study: Study, number: int, connection: Connection, planner: Planner, book: PriceBook, say: Callable[[str], None]
) -> list[Confirmation]:
    """Run them one after the other. Raises Problem for a batch that does not end SUCCEEDED, or is not metered."""
    return [confirmed(plan, study.workload, connection, planner, book, say) for plan in best_few(study, number)]


def confirmed(
    plan: Planned,
    workload: Workload,
    connection: Connection,
    planner: Planner,
    book: PriceBook,
    say: Callable[[str], None],
) -> Confirmation:
    """Deploy a stack with the plan's settings, run a small batch of the same items, meter it, remove the stack."""
    settings = replace(
        plan.settings,
        pollers=None,
        max_concurrency=min(AT_A_TIME, plan.settings.max_concurrency if plan.settings.pollers is None else AT_A_TIME),
        cpu_architecture=SANDBOX_PARAMETERS["CpuArchitecture"],
    )
    chunk = planner(plan.architecture, replace(plan.workload, items=settings.items_per_chunk), settings)
    scaled = planner(plan.architecture, replace(plan.workload, items=few(settings, chunk.seconds)), settings)
    suffix = f"Tune{uuid.uuid4().hex[:6]}"
    name = plan.architecture
    say(f"{name}: a stack for {scaled.workload.items:,} items with these settings")
    wanted = in_sandbox(scaled)[0] | {
        "CheckIntervalSeconds": str(settings.check_interval_seconds),
        "FunctionTimeout": str(settings.function_timeout),
        "RetryDelaySeconds": str(settings.retry_delay_seconds),
        "MaxAttempts": str(settings.max_attempts),
    }
    if name == "sfn":
        del wanted["CheckIntervalSeconds"]
    try:
        deploy(connection.session, [name], wanted, suffix, progress=say)
        own = Connection(connection.session, suffix, connection.endpoint, connection.engine)
        result = run_to_end(own, name, request(own, scaled))
        if result.status != "SUCCEEDED" and not workload.fail_rate:
            raise Problem(f"the confirming batch {result.batch_id} ended {result.status}", "see `rollcall logs engine`")
        counted = metered(own, result, settings, book)
    except (BadParameter, CannotVendor, DeployFailed) as failure:
        raise Problem(f"no stack to confirm with: {failure}", "see `rollcall logs engine`") from failure
    finally:
        destroy(connection.session, suffix, [name])
    return Confirmation(plan, scaled, result, comparable(scaled.bill, book), comparable(counted, book))


def few(settings: Settings, chunk_seconds: float) -> int:
    """How many items confirm a plan: a few hundred, three chunks at least, and no more than a minute of work."""
    in_time = math.floor(SECONDS / chunk_seconds) * AT_A_TIME
    chunks = max(FEWEST_CHUNKS, min(math.ceil(ITEMS / settings.items_per_chunk), in_time))
    return chunks * settings.items_per_chunk


def request(connection: Connection, plan: Planned) -> dict[str, Any]:
    """The batch's request: random items where these are as in the workload, else a file of such items."""
    workload, settings = plan.workload, plan.settings
    asked: dict[str, Any] = {
        "batchId": f"tune-{uuid.uuid4().hex[:12]}",
        "itemsPerChunk": settings.items_per_chunk,
        "itemConcurrency": settings.item_concurrency,
    }
    values = workload.values
    if workload.item_bytes is None and values.kind == "uniform" and not values.low and values.high in range(1001):
        return asked | {"items": workload.items, "maxValue": int(values.high), "failRate": workload.fail_rate}
    stack = connection.stack(plan.architecture)
    with TemporaryDirectory() as folder:
        path = Path(folder, "items.jsonl")
        path.write_text("".join(f"{line}\n" for line in lines(workload.items, values, workload)))
        asked["input"] = upload_input(connection, stack, asked["batchId"], path)
    return asked


def lines(items: int, values: Values, workload: Workload) -> Iterator[str]:
    """Items as JSON, each as long as the workload's, with values drawn from its distribution."""
    rng = np.random.default_rng(SEED)
    fails = rng.random(items) < workload.fail_rate
    for index, (value, fail) in enumerate(zip(values.sample(rng, items), fails, strict=True)):
        item = {"id": f"{index:09d}", "value": round(float(value))} | ({"fail": True} if fail else {})
        size = len(json.dumps(item, separators=(",", ":")))
        short = round(workload.item_bytes or 0) - size - len(',"text":""')
        yield json.dumps(item | {"text": "x" * short} if short > 0 else item, separators=(",", ":"))


def metered(connection: Connection, result: Result, settings: Settings, book: PriceBook) -> Bill:
    """What the meter counted of the batch. Raises Problem if it does not know it."""
    assert connection.endpoint
    answer = fetch_when_quiet(connection.endpoint, result.batch_id)
    bill = metered_bill(connection, answer, result, book, result.items, result.started_at, settings.child_type)
    if bill is None:
        raise Problem(f"the meter does not know the batch {result.batch_id}", "see `rollcall meter`")
    return bill


def comparable(bill: Bill, book: PriceBook) -> Bill:
    """The part of a bill whose units the sandbox and AWS have alike."""
    return priced((line.usage for line in bill.lines if line.usage.price in COMPARABLE), book, bill.items)
