"""The months of several architectures side by side, and the batch sizes for which each is cheaper."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bootstrap.stacks import ARCHITECTURE_TITLES
from costs.format import quantity
from costs.month.break_even import Comparison, Stretch, sentence
from costs.month.month import Month, batches_of, month_of
from costs.plan.plan import Plan, Planner


@dataclass(frozen=True)
class Months:
    """The month of each architecture, and their comparison: None if there is only one."""

    per_day: float
    months: Mapping[str, Month]
    comparison: Comparison | None

    @property
    def title(self) -> str:
        """The schedule in words: `The month: 4 batches a day, 122 in all`."""
        return f"The month: {rhythm(self.per_day)}, {quantity(batches_of(self.per_day))} in all"

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """The batch sizes for which each architecture is cheaper; none without a comparison."""
        return self.comparison.stretches if self.comparison else ()

    @property
    def verdict(self) -> str:
        """The same in words: `Step Functions up to 900 items a batch, SQS and DynamoDB from 901 on`; empty without."""
        return sentence(self.stretches, ARCHITECTURE_TITLES) if self.stretches else ""

    def to_json(self) -> dict[str, Any]:
        """What `--json` adds."""
        return {
            "months": [month.to_json() for month in self.months.values()],
            "cheaper": [stretch.to_json() for stretch in self.stretches],
        }


def months(
    plans: Mapping[str, Plan], per_day: float, planner: Planner, deadline_seconds: float | None = None
) -> Months:
    """The months with `per_day` batches of these plans a day, compared with the settings that the plans have.

    Batches of other sizes that would take longer than the deadline do not count.
    """
    comparison = Comparison(planner, plans, per_day, deadline_seconds or math.inf) if len(plans) > 1 else None
    return Months(per_day, {name: month_of(plan, per_day, planner.book) for name, plan in plans.items()}, comparison)


def rhythm(per_day: float) -> str:
    """A schedule in words: `4 batches a day`, `a batch a day`, `a batch every 7 days`."""
    if per_day > 1:
        return f"{quantity(per_day)} batches a day"
    return "a batch a day" if per_day == 1 else f"a batch every {quantity(1 / per_day)} days"
