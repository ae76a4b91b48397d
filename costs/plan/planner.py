"""Plans made with the same figures and prices."""

from dataclasses import dataclass, replace

from costs.facts.assumptions import Assumptions
from costs.facts.prices import PriceBook
from costs.facts.quotas import Quotas
from costs.plan.plan import Plan, plan
from costs.plan.settings import Settings, Workload


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
