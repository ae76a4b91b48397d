"""What a batch uses in AWS's billing units, computed from its parameters before anything runs."""

import math
from collections.abc import Iterator
from dataclasses import replace

from costs.facts.rules import Rules
from costs.plan.rows import Counts, Row, three, usages
from costs.plan.settings import Settings, Workload
from costs.plan.sfn_units import sfn_usages
from costs.plan.sizes import BATCH_ID
from costs.plan.sqs_units import sqs_usages
from costs.plan.timing import Timing
from costs.usage import Usage

USAGES = {"sqs": sqs_usages, "sfn": sfn_usages}


def units(
    architecture: str, workload: Workload, settings: Settings, timing: Timing | None, batch_id: str = BATCH_ID
) -> list[Usage]:
    """Every unit that a batch costs on AWS without faults, with its retries and failed items; `sqs` or `sfn`.

    `function` and `operation` are the meter's. A usage that the workload determines has `low == high == quantity`;
    what time decides lies between `low` and `high` however the time passes, and `quantity` is what `timing` makes it.
    Without `timing` it is what full invocations and no waiting make it, and Lambda's and EXPRESS children's durations,
    which only time decides, are left out.

    Items are the example's, or of `workload.item_bytes` each from a JSON Lines object. Results are not collected. A
    batch that takes longer than its deadline is planned as if it had that much time. Left out are what a stack costs
    while idle (idle pollers, storage) and provisioned pollers.
    """
    if timing and timing.seconds > settings.deadline_seconds:
        settings = replace(settings, deadline_seconds=math.ceil(timing.seconds))
    return [
        *USAGES[architecture](workload, settings, batch_id, timing),
        *custom_metrics(workload, settings, timing),
    ]


def custom_metrics(workload: Workload, settings: Settings, timing: Timing | None) -> list[Usage]:
    """The metrics that CloudWatch makes of the functions' log lines, billed for every hour of the clock with data.

    The processors' have data in one hour at least, and in one more than the batch takes.
    https://aws.amazon.com/cloudwatch/pricing/
    """
    seconds = timing.seconds if timing else 0
    busy = three(1, 1 + seconds / 3600, math.ceil(settings.deadline_seconds / 3600) + 1)

    def rows(n: Counts) -> Iterator[Row]:
        price, month = "cloudwatch.metric_months", Rules.load()["month.hours"]
        yield Row(price, None, "BatchesFinished", 1 / month)
        yield Row(price, None, "ItemsProcessed", n.busy / month if workload.items else 0)
        yield Row(price, None, "ItemsFailed", n.busy / month if workload.items and workload.fail_rate else 0)

    return usages(rows, {"busy": busy})
