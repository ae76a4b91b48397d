"""A plan: what a batch costs on AWS, how long it takes, and what decides it, before anything runs."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from costs.bill import Bill, priced
from costs.facts.assumptions import Assumptions
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.format import seconds as duration
from costs.plan import sfn_time, sqs_time
from costs.plan.checks import settled
from costs.plan.fixed import LONGEST_DEADLINE
from costs.plan.limits import Impossible
from costs.plan.settings import Settings, Workload
from costs.plan.timing import Timing
from costs.plan.units import units
from costs.pollers import ProvisionedPollers
from costs.usage import Usage

ARCHITECTURES = ("sqs", "sfn")
SIMULATIONS = {"sqs": sqs_time.simulate, "sfn": sfn_time.simulate}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One batch through one architecture. `settings` are as the stack will have them, and may differ from those asked
    for; `warnings` say in what, and what else to mind."""

    architecture: str
    workload: Workload
    settings: Settings
    timing: Timing
    bill: Bill
    warnings: tuple[str, ...]

    @property
    def dollars(self) -> float:
        """All that AWS charges for the batch, the user's own work included."""
        return self.bill.dollars

    @property
    def seconds(self) -> float:
        """From the request to Batch Finished."""
        return self.timing.seconds

    @property
    def bottleneck(self) -> str:
        """The quota or parameter that decides the duration."""
        return self.timing.bottleneck

    def to_json(self) -> dict[str, Any]:
        """The plan as `--json` prints it."""
        timing = asdict(self.timing)
        workload = {
            "items": self.workload.items,
            "values": str(self.workload.values),
            "meanMilliseconds": self.workload.values.mean,
            "itemBytes": self.workload.item_bytes,
            "failRate": self.workload.fail_rate,
        }
        return {
            "architecture": self.architecture,
            "dollars": self.dollars,
            "seconds": self.seconds,
            "bottleneck": self.bottleneck,
            "workload": workload,
            "settings": camel_case(asdict(self.settings)),
            "timing": camel_case(timing) | {"boundBy": timing["bound_by"]},
            "bill": self.bill.to_json(),
            "warnings": list(self.warnings),
        }


def plan(
    architecture: str,
    workload: Workload,
    settings: Settings,
    *,
    quotas: Quotas,
    assumptions: Assumptions,
    book: PriceBook,
) -> Plan:
    """The plan of a batch through `sqs` or `sfn`. Raises Impossible, which names the limit that forbids it."""
    settings, warnings = settled(architecture, workload, settings, quotas)
    timing = simulate(architecture, workload, settings, quotas, assumptions)
    longest = LONGEST_DEADLINE[architecture]
    if timing.seconds > longest:
        raise Impossible(
            "DeadlineSeconds",
            f"the batch takes {duration(timing.seconds)}, and {longest:,} s is the longest deadline; what holds it up "
            f"is {timing.bottleneck}",
        )
    if timing.seconds > settings.deadline_seconds:
        warnings.append(
            f"it ends EXPIRED after DeadlineSeconds={settings.deadline_seconds:,}: raise that to "
            f"{round_up(timing.seconds):,} at least"
        )
    pollers = provisioned(architecture, settings, timing, quotas, book)
    warnings += [f"pollers: {usage.note}" for usage in pollers]
    usages = [*units(architecture, workload, settings, timing), *pollers]
    bill = priced(usages, book, workload.items)
    return Plan(
        architecture=architecture,
        workload=workload,
        settings=settings,
        timing=timing,
        bill=bill,
        warnings=tuple(warnings),
    )


def simulate(
    architecture: str, workload: Workload, settings: Settings, quotas: Quotas, assumptions: Assumptions
) -> Timing:
    """How a batch's time passes. Raises Impossible."""
    return SIMULATIONS[architecture](workload, settings, quotas, assumptions)


def provisioned(architecture: str, settings: Settings, timing: Timing, quotas: Quotas, book: PriceBook) -> list[Usage]:
    """The hours of the event source's pollers in provisioned mode, while the batch lasts."""
    if architecture != "sqs" or settings.pollers is None:
        return []
    pollers = ProvisionedPollers.of(settings.pollers, quotas)
    return [pollers.planned(timing.concurrency, timing.seconds, book)]


def round_up(seconds: float) -> int:
    """A tenth more, in two digits."""
    step = 10 ** max(0, math.floor(math.log10(seconds * 1.1)) - 1)
    return math.ceil(seconds * 1.1 / step) * step


def camel_case(values: dict[str, Any]) -> dict[str, Any]:
    """The same with names as JSON has them."""
    return {name[0] + name.title().replace("_", "")[1:]: value for name, value in values.items()}
