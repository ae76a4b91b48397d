"""What a batch uses in AWS's billing units, computed from its parameters before anything runs."""

import math
from collections.abc import Iterator
from dataclasses import replace

from costs.facts.figures import Rules
from costs.plan.log_lines import TYPICAL_MS, platform_bytes
from costs.plan.rows import Counts, Estimate, estimate, row, usages
from costs.plan.settings import ORCHESTRATION_MEMORY, SFN_BATCHER_TIMEOUT, Settings, Workload
from costs.plan.sfn_units import sfn_usages
from costs.plan.sizes import BATCH_ID
from costs.plan.sqs_units import sqs_usages
from costs.plan.timing import Timing
from costs.usage import BATCHER, FINALIZER, GB_SECONDS, INIT, PROCESSOR, RECORDER, Usage
from sandbox.meter.rules import lambda_gb_seconds

USAGES = {"sqs": sqs_usages, "sfn": sfn_usages}
RULES = Rules.load()
TYPICAL_INIT_MS = 300.0


def units(
    architecture: str, workload: Workload, settings: Settings, timing: Timing | None, batch_id: str = BATCH_ID
) -> list[Usage]:
    """Every unit that AWS bills for a batch without faults, retries and failed items included. For `sqs` or `sfn`.

    `function` and `operation` are the meter's. If the workload decides a usage, `low == high == quantity`. If time
    decides it, `low` and `high` bound it however the time passes, and `quantity` follows from `timing`. Without
    `timing`, `quantity` assumes full invocations and no waiting, and the durations of Lambda and of EXPRESS children
    are left out.

    Items are the example's, or come from a JSON Lines object with `workload.item_bytes` each. Results are not
    collected. A batch that takes longer than its deadline is planned as if it had that much time. Not included: the
    cost of a stack at rest (idle pollers, storage), and provisioned pollers.
    """
    if timing and timing.seconds > settings.deadline_seconds:
        settings = replace(settings, deadline_seconds=math.ceil(timing.seconds))
    found, invocations = USAGES[architecture](workload, settings, batch_id, timing)
    for function, invoked in invocations.items():
        found += lambda_usages(function, settings, timing, invoked, timeout_of(architecture, function, settings))
    return found + custom_metrics(workload, settings, timing)


def timeout_of(architecture: str, function: str, settings: Settings) -> int:
    """Seconds of the function's timeout."""
    if (architecture, function) == ("sfn", BATCHER):
        return SFN_BATCHER_TIMEOUT
    return settings.processor_timeout if function == PROCESSOR else settings.function_timeout


def lambda_usages(
    function: str, settings: Settings, timing: Timing | None, invocations: Estimate, timeout: int
) -> list[Usage]:
    """Lambda's bill for one function's invocations and log lines; without `timing` it has no durations.

    An invocation is billed for at least a millisecond, and at most for its timeout and an init of the same length. The
    processor's time in which at least one item is being processed is your code's.
    """
    is_processor = function == PROCESSOR
    own = {PROCESSOR: settings.processor_memory, BATCHER: settings.batcher_memory}
    memory = own.get(function, ORCHESTRATION_MEMORY)
    billed_ms, cold = times(timing, invocations)[function] if timing else (0.0, 0.0)
    most_ms = invocations.most * 2 * timeout * 1000
    whole = estimate(invocations.least, billed_ms, most_ms)
    work = estimate(0, timing.work_ms, most_ms) if timing and is_processor else Estimate(0, 0, 0)
    warm = platform_bytes(memory, TYPICAL_MS)
    init = platform_bytes(memory, TYPICAL_MS, TYPICAL_INIT_MS) - warm
    counts: dict[str, Estimate | float] = {
        "invocations": invocations,
        "cold_starts": estimate(0, cold, invocations.most),
        "work_ms": work,
        "other_ms": estimate(0 if is_processor else whole.least, whole.expected - work.expected, most_ms),
        "platform_bytes": estimate(
            invocations.least * platform_bytes(memory, 1.0),
            invocations.expected * warm + min(cold, invocations.expected) * init,
            # The number for the memory used may have two more digits.
            invocations.most * (platform_bytes(memory, timeout * 1000, timeout * 1000) + len("00")),
        ),
    }

    def rows(n: Counts) -> Iterator[Usage]:
        duration = GB_SECONDS + settings.cpu_architecture
        yield row("lambda.requests", function, "invoke", n.invocations)
        if timing:
            yield row(duration, function, "invoke", lambda_gb_seconds(n.work_ms, memory), own=True)
            yield row(duration, function, "invoke", lambda_gb_seconds(n.other_ms, memory))
        yield row("logs.bytes", function, "platform", n.platform_bytes)
        started = n.cold_starts * RULES["logs.init_start_bytes"]
        yield row("logs.bytes", function, "platform", started, part=INIT, note="not logged in the sandbox")

    return usages(rows, counts)


def times(timing: Timing, invocations: Estimate) -> dict[str, tuple[float, float]]:
    """Billed milliseconds and cold starts of each function.

    The model takes the recorder, with one PutObject, to be as slow as the finalizer with four. The batcher and the
    finalizer have one cold start each.
    """
    recorder_ms = invocations.expected * timing.finalizer_ms / max(1, timing.finalizer_invocations)
    return {
        BATCHER: (timing.batcher_ms, min(timing.cold_starts, 1)),
        PROCESSOR: (timing.processor_ms, max(0, timing.cold_starts - 2)),
        RECORDER: (recorder_ms, 0),
        FINALIZER: (timing.finalizer_ms, min(timing.cold_starts, 1)),
    }


def custom_metrics(workload: Workload, settings: Settings, timing: Timing | None) -> list[Usage]:
    """The metrics that CloudWatch makes of the functions' log lines, billed for every hour of the clock with data.

    It makes none unless the stack's CustomMetrics is ENABLED.

    The processors' metrics have data in at least one hour, and in at most one hour more than the batch takes.
    https://aws.amazon.com/cloudwatch/pricing/
    """
    if not settings.makes_metrics:
        return []
    seconds = timing.seconds if timing else 0
    busy = estimate(1, 1 + seconds / 3600, math.ceil(settings.deadline_seconds / 3600) + 1)

    def rows(n: Counts) -> Iterator[Usage]:
        price, month = "cloudwatch.metric_months", RULES["month.hours"]
        yield row(price, None, "BatchesFinished", 1 / month)
        yield row(price, None, "ItemsProcessed", n.busy / month if workload.items else 0)
        yield row(price, None, "ItemsFailed", n.busy / month if workload.items and workload.fail_rate else 0)

    return usages(rows, {"busy": busy})
