"""Plans made with the same figures and prices."""

from dataclasses import dataclass, replace

from rollcall.costs.prices import PriceBook
from rollcall.planning.assumptions import Assumptions
from rollcall.planning.plan import Plan, plan
from rollcall.planning.quotas import Quotas
from rollcall.planning.settings import Settings, Workload


@dataclass(frozen=True)
class Planner:
    """`planner(architecture, workload, settings)` is the plan; it raises Impossible as `plan` does."""

    quotas: Quotas
    assumptions: Assumptions
    book: PriceBook

    def __call__(self, architecture: str, workload: Workload, settings: Settings) -> Plan:
        return plan(
            architecture,
            workload,
            settings,
            quotas=self.quotas,
            assumptions=self.assumptions,
            book=self.book,
        )

    def with_quotas(self, quotas: Quotas) -> "Planner":
        """The same under other quotas."""
        return replace(self, quotas=quotas)
