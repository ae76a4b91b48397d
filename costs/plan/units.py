"""What a batch uses in AWS's billing units, computed from its parameters before anything runs."""

import math
from dataclasses import replace

from costs.plan import units_metrics, units_sfn, units_sqs
from costs.plan.settings import Settings, Workload
from costs.plan.timing import Timing
from costs.plan.units_sqs_batch import sqs_batch
from costs.plan.units_tally import Tally
from costs.usage import Usage

BATCH_ID = "scheduled-20261123T060000Z"
"""A batch that the schedule starts is called so: its length counts in every record, message and log line."""


def units(
    architecture: str, workload: Workload, settings: Settings, timing: Timing | None, batch_id: str = BATCH_ID
) -> list[Usage]:
    """Every unit that a batch costs on AWS without faults, with its retries and failed items; `sqs` or `sfn`.

    `function` and `operation` are the meter's. A usage that the workload determines has `low == high == quantity`;
    what time decides lies between `low` and `high` however the time passes, and `quantity` is what `timing` makes it.
    Without `timing` it is what full invocations and no waiting make it, and Lambda's and EXPRESS children's durations,
    which only time decides, are left out.

    Items are the example's, or of `workload.item_bytes` each from a JSON Lines object. Results are not collected. A
    batch that takes longer than its deadline is planned as if it had that much time. Left out are what a stack costs at
    rest (idle pollers, storage) and provisioned pollers.
    """
    if timing and timing.seconds > settings.deadline_seconds:
        settings = replace(settings, deadline_seconds=math.ceil(timing.seconds))
    tally = Tally()
    if architecture == "sqs":
        units_sqs.add(tally, sqs_batch(workload, settings, batch_id, timing), timing)
    else:
        units_sfn.add(tally, units_sfn.sfn_batch(workload, settings, batch_id, timing), timing)
    units_metrics.add(tally, workload, settings, timing)
    return tally.usages
