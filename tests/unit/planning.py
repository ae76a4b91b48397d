"""Plans for tests: the built-in figures, and little to type."""

from dataclasses import replace
from typing import Any

from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.plan.distribution import Distribution
from costs.plan.plan import SIMULATIONS, Plan, Planner
from costs.plan.settings import Settings, Workload
from costs.plan.timing import Timing

PLANNER = Planner(Quotas.load(), Assumptions.load(), PriceBook.load())


def workload(items: int, values: str = "uniform:0-1000", **others: Any) -> Workload:
    """So many items whose values are distributed so."""
    return Workload(items=items, values=Distribution.parse(values), **others)


def timing(
    architecture: str,
    items: int,
    values: str = "uniform:0-1000",
    quotas: dict[str, float] | None = None,
    fail_rate: float = 0.0,
    **settings: Any,
) -> Timing:
    """How a batch's time passes."""
    batch = workload(items, values, fail_rate=fail_rate)
    figures = PLANNER.quotas.with_(quotas or {})
    return SIMULATIONS[architecture](batch, Settings(**settings), figures, PLANNER.assumptions)


def planned(
    architecture: str,
    items: int,
    values: str = "uniform:0-1000",
    quotas: dict[str, float] | None = None,
    fail_rate: float = 0.0,
    item_bytes: float | None = None,
    **settings: Any,
) -> Plan:
    """A whole plan."""
    planner = replace(PLANNER, quotas=PLANNER.quotas.with_(quotas or {}))
    return planner(
        architecture, workload(items, values, fail_rate=fail_rate, item_bytes=item_bytes), Settings(**settings)
    )
