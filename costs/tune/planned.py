"""What tuning needs of a plan. `costs.plan.plan.Plan` is one."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Protocol

from costs.bill import Bill
from costs.plan.settings import Settings, Workload


class Planned(Protocol):
    """A batch computed: dollars of all lines, seconds from the request to Batch Finished, and what decides these."""

    @property
    def architecture(self) -> str: ...
    @property
    def workload(self) -> Workload: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def bill(self) -> Bill: ...
    @property
    def dollars(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def bottleneck(self) -> str: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


# Architecture, workload, settings. Raises planning.limits.Impossible.
type Planner = Callable[[str, Workload, Settings], Planned]


def per_million(plan: Planned) -> float:
    """Dollars for a million items of such a batch."""
    return plan.dollars / plan.workload.items * 1_000_000


def order(plan: Planned) -> tuple[object, ...]:
    """By cost, then duration; of equals the one that asks for less, so that a search always ends with the same."""
    settings = tuple(-1 if value is None else value for value in astuple(plan.settings))
    return plan.dollars, plan.seconds, plan.architecture, settings
