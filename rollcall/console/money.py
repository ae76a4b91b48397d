"""A batch's bill so far, line by line beside its plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from costs.bill import Bill, service_of
from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.plan.distribution import Distribution
from costs.plan.limits import Impossible
from costs.plan.plan import Plan, Planner
from costs.plan.settings import Settings, Workload, parameter
from handlers.core.batch import BatchRequest
from rollcall.target.connection import Stack


@dataclass(frozen=True)
class Line:
    """One thing that costs money, in US dollars; None where the bill or the plan does not have it."""

    service: str
    what: str
    own: bool
    billed: float | None
    planned: float | None


def settings_of(request: BatchRequest, stack: Stack) -> Settings:
    """The settings of a plan, as the request and the stack have them."""
    values: dict[str, Any] = {}
    for field in Settings.__dataclass_fields__:
        about = parameter(field)
        if about.name in stack.parameters:
            text = stack.parameters[about.name]
            values[field] = int(text) if isinstance(about.default, int) else text
    own = {"items_per_chunk", "item_concurrency", "max_attempts", "deadline_seconds"}
    values |= {field: getattr(request, field) for field in own}
    values["pollers"] = stack.provisioned_pollers or None
    return Settings(**values)


def plan_of(architecture: str, request: BatchRequest, items: int, stack: Stack, book: PriceBook) -> Plan | None:
    """The plan of a batch of random items; None of any other, whose items take a time that nobody has told."""
    if request.input or not items:
        return None
    values = Distribution.parse(f"uniform:0-{request.max_value}" if request.max_value else "constant:0")
    workload = Workload(items=items, values=values, fail_rate=request.fail_rate)
    try:
        return Planner(Quotas.load(), Assumptions.load(), book)(architecture, workload, settings_of(request, stack))
    except Impossible:
        return None


def beside(bill: Bill | None, plan: Bill | None) -> list[Line]:
    """The lines of a bill, each beside the plan's: orchestration first, the dearest first."""
    billed, planned = sums(bill), sums(plan)
    lines = [
        Line(service, what, own, billed.get((service, what, own)), planned.get((service, what, own)))
        for service, what, own in {**billed, **planned}
    ]
    return sorted(lines, key=lambda line: (line.own, -max(line.billed or 0, line.planned or 0)))


def sums(bill: Bill | None) -> Mapping[tuple[str, str, bool], float]:
    """The dollars by service, purpose and whether it is your code's."""
    found: dict[tuple[str, str, bool], float] = {}
    for line in bill.split_by_the_hour()[0].lines if bill else ():
        place = service_of(line.usage.price), line.usage.what, line.usage.own
        found[place] = found.get(place, 0.0) + line.dollars
    return found


def total(lines: Iterable[Line], of: str) -> float | None:
    """The sum of one column; None if it is empty."""
    amounts = [amount for line in lines if (amount := getattr(line, of)) is not None]
    return sum(amounts) if amounts else None
