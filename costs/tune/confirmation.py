"""Confirms plans in the sandbox: which plans, with which small batch, and which units are compared.

Only the units of orchestration compare: the sandbox's milliseconds are this machine's, not AWS's.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bootstrap.stacks import SANDBOX_PARAMETERS
from costs.bill import Bill
from costs.plan.chunk_time import SEED
from costs.plan.plan import Plan, Planner
from costs.plan.settings import Settings, Workload, parameter
from costs.tune.study import Study

ITEMS = 300
FEWEST_CHUNKS = 3
# A small batch takes about this long at most, unless its fewest chunks take longer.
SECONDS = 60
# Concurrent processors of a small batch. Their number decides no unit.
PROCESSORS = 10
# Units of time, which the machine's speed decides. The protocol decides the quantity of all others.
TIMED = ("gb_seconds", "hours", "months")


@dataclass(frozen=True)
class UnitComparison:
    """One unit: the planned quantity with its bounds, and the quantity that the meter counted.

    `fits` says whether the counted quantity is within the bounds.
    """

    unit: str
    planned: float
    low: float
    high: float
    counted: float
    fits: bool


@dataclass(frozen=True)
class Confirmation:
    """A small batch: its plan, how it ended in the sandbox, and the comparable parts of the two bills."""

    plan: Plan
    batch_id: str
    status: str
    planned: Bill
    counted: Bill

    @property
    def units(self) -> Iterator[UnitComparison]:
        """The units that the plan or the meter has."""
        for unit in dict.fromkeys(line.usage.price for line in (*self.planned.lines, *self.counted.lines)):
            planned, low, high = (total(self.planned, unit, field) for field in ("quantity", "low", "high"))
            counted = total(self.counted, unit, "quantity")
            if planned or counted:
                yield UnitComparison(unit, planned, low, high, counted, fits=low <= counted <= high)

    def to_json(self) -> dict[str, Any]:
        """The confirmation as `--json` prints it."""
        return {
            "architecture": self.plan.architecture,
            "batchId": self.batch_id,
            "status": self.status,
            "items": self.plan.workload.items,
            "plannedPerMillionItems": self.planned.per_million(),
            "countedPerMillionItems": self.counted.per_million(),
            "onAwsDollars": self.plan.dollars,
            "units": [asdict(unit) for unit in self.units],
        }


def total(bill: Bill, unit: str, field: str) -> float:
    """The sum of a field over the bill's usages of a unit. A bound that is not given is the quantity."""
    usages = [line.usage for line in bill.lines if line.usage.price == unit]
    return sum(usage.quantity if (value := getattr(usage, field)) is None else value for usage in usages)


def comparable(bill: Bill) -> Bill:
    """The part of a bill whose units the sandbox and AWS count alike: all units but those of time."""
    lines = (line for line in bill.lines if not any(unit in line.usage.price for unit in TIMED))
    return Bill(tuple(lines), bill.items)


def plans_to_confirm(study: Study, number: int) -> list[Plan]:
    """The recommendation, each architecture's best plan, then the other plans on the front that meet the deadline.

    Plans that differ only in their concurrency have the same units, so only the first of them is confirmed.
    """
    front = [plan for plan in study.result.front if study.request.meets(plan)]
    if study.request.objective == "speed":
        front.reverse()
    distinct: dict[object, Plan] = {}
    for plan in (study.best, *study.chosen.values(), *front):
        settings = replace(plan.settings, max_concurrency=PROCESSORS, pollers=None)
        distinct.setdefault((plan.architecture, settings), plan)
    return list(distinct.values())[:number]


def small_batch(plan: Plan, planner: Planner) -> Plan:
    """The plan of a small batch of the same items, with the same settings as far as the sandbox has them."""
    # Both stacks of the sandbox accept it.
    fewest = parameter("max_concurrency", "sqs").low or 1
    processors = PROCESSORS if plan.settings.pollers else max(fewest, min(PROCESSORS, plan.settings.max_concurrency))
    cpu = SANDBOX_PARAMETERS["CpuArchitecture"]
    settings = replace(plan.settings, pollers=None, max_concurrency=processors, cpu_architecture=cpu)
    items = small_batch_items(settings, max(0.001, plan.timing.chunk_seconds))
    return planner(plan.architecture, replace(plan.workload, items=items), settings)


def small_batch_items(settings: Settings, chunk_seconds: float) -> int:
    """The items of a small batch: a few hundred, at least three chunks, and at most a minute of work if possible."""
    in_time = math.floor(SECONDS / chunk_seconds) * PROCESSORS
    chunks = max(FEWEST_CHUNKS, min(math.ceil(ITEMS / settings.items_per_chunk), in_time))
    return chunks * settings.items_per_chunk


def item_lines(workload: Workload) -> Iterator[str]:
    """The workload's items as JSON Lines: of its length, with values from its distribution."""
    rng = np.random.default_rng(SEED)
    fails = rng.random(workload.items) < workload.fail_rate
    for index, (value, fail) in enumerate(zip(workload.values.sample(rng, workload.items), fails, strict=True)):
        item = {"id": f"{index:09d}", "value": round(float(value))} | ({"fail": True} if fail else {})
        size = len(json.dumps(item, separators=(",", ":")))
        missing = round(workload.item_bytes or 0) - size - len(',"text":""')
        yield json.dumps(item | {"text": "x" * missing} if missing > 0 else item, separators=(",", ":"))
