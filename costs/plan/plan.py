"""A plan: what a batch costs on AWS, how long it takes and what decides that, before anything runs."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from costs.bill import Bill, priced
from costs.facts.figures import Assumptions, Quotas
from costs.facts.prices import PriceBook
from costs.format import seconds as duration
from costs.plan import sfn_time, sqs_time
from costs.plan.limits import Impossible, adjusted
from costs.plan.settings import LONGEST_DEADLINE, Settings, Workload
from costs.plan.timing import Timing
from costs.plan.units import units
from costs.pollers import ProvisionedPollers
from handlers.core.batch import camel_cased

SIMULATIONS = {"sqs": sqs_time.simulate, "sfn": sfn_time.simulate}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of one batch through one architecture.

    `settings` are as the stack applies them. `warnings` say where the stack adjusts the requested settings, and what
    else to consider.
    """

    architecture: str
    workload: Workload
    settings: Settings
    timing: Timing
    bill: Bill
    warnings: tuple[str, ...]
    month_dollars: float | None = None
    """What a month of such batches costs, with the stack at rest; None without a schedule."""

    @property
    def dollars(self) -> float:
        """The whole bill on AWS, including the time of your code."""
        return self.bill.dollars

    @property
    def cost(self) -> float:
        """What a choice between plans goes by: the dollars of a month if there is a schedule, else of one batch."""
        return self.dollars if self.month_dollars is None else self.month_dollars

    @property
    def seconds(self) -> float:
        """The time from the request to Batch Finished."""
        return self.timing.seconds

    @property
    def bottleneck(self) -> str:
        """The quota or parameter that decides the duration."""
        return self.timing.bottleneck

    def to_json(self) -> dict[str, Any]:
        """The plan as `--json` prints it."""
        timing, values = asdict(self.timing), self.workload.values
        return {
            "architecture": self.architecture,
            "dollars": self.dollars,
            "seconds": self.seconds,
            "bottleneck": self.bottleneck,
            "workload": camel_cased(vars(self.workload)) | {"values": str(values), "meanMilliseconds": values.mean},
            "settings": camel_cased(vars(self.settings)),
            "timing": camel_cased(timing) | {"boundBy": timing["bound_by"]},
            "bill": self.bill.to_json(),
            "warnings": self.warnings,
        }


@dataclass(frozen=True)
class Planner:
    """Makes plans, all with the same quotas, assumptions and prices. Call it; it raises Impossible."""

    quotas: Quotas
    assumptions: Assumptions
    book: PriceBook

    def __call__(self, architecture: str, workload: Workload, settings: Settings) -> Plan:
        """The plan of a batch through `sqs` or `sfn`. Raises Impossible, which names the limit that forbids it."""
        given = settings
        settings, warnings = adjusted(architecture, workload, given, self.quotas)
        timing = SIMULATIONS[architecture](workload, settings, self.quotas, self.assumptions)
        longest = LONGEST_DEADLINE[architecture]
        if timing.seconds > longest:
            raise Impossible(
                "DeadlineSeconds",
                f"the batch takes {duration(timing.seconds)}, and {longest:,} s is the longest deadline; it is held up "
                f"by {timing.bottleneck}",
            )
        if timing.seconds > settings.deadline_seconds:
            warnings.append(
                f"it ends EXPIRED after DeadlineSeconds={settings.deadline_seconds:,}: raise that to "
                f"{round_up(timing.seconds):,} at least"
            )
        # The batcher estimates a file's chunks, and so its segments, with the ItemsPerChunk that the stack was given.
        usages = units(architecture, workload, replace(settings, items_per_chunk=given.items_per_chunk), timing)
        if architecture == "sqs" and settings.pollers is not None:
            pollers = ProvisionedPollers.of(settings.pollers, self.quotas)
            usage = pollers.planned(timing.concurrency, timing.seconds, self.book)
            warnings.append(f"pollers: {usage.note}")
            usages = [*usages, usage]
        return Plan(
            architecture=architecture,
            workload=workload,
            settings=settings,
            timing=timing,
            bill=priced(usages, self.book, workload.items),
            warnings=tuple(warnings),
        )


def round_up(seconds: float) -> int:
    """A number that is a tenth larger, rounded up to two digits."""
    step = 10.0 ** max(0, math.floor(math.log10(seconds * 1.1)) - 1)
    return round(math.ceil(seconds * 1.1 / step) * step)
