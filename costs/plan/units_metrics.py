"""Custom metrics, which CloudWatch makes of the functions' log lines and bills for every hour with data."""

import math

from costs.facts.rules import rule
from costs.plan.settings import Settings, Workload
from costs.plan.timing import Timing
from costs.plan.units_range import Range
from costs.plan.units_tally import Tally


def add(tally: Tally, workload: Workload, settings: Settings, timing: Timing | None) -> None:
    """Each of a batch's metrics in the hours of the clock in which it runs: one at least, and one more than it takes.

    Once for all batches of an hour. https://aws.amazon.com/cloudwatch/pricing/
    """
    finished = Range.exactly(1)
    seconds = timing.seconds if timing else 0
    busy = Range.of(1, 1 + seconds / 3600, math.ceil(settings.deadline_seconds / 3600) + 1)
    metrics = {"BatchesFinished": finished}
    if workload.items:
        metrics["ItemsProcessed"] = busy
        if workload.fail_rate:
            metrics["ItemsFailed"] = busy
    for name, hours in metrics.items():
        tally.add("cloudwatch.metric_months", None, name, hours * (1 / rule("month.hours")), "custom metrics")
