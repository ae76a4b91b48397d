"""Lambda's GB-seconds: the user's own work apart from all else."""

from rollcall.planning.fixed import ORCHESTRATION_MEMORY
from rollcall.planning.settings import Settings
from rollcall.planning.timing import Timing
from rollcall.planning.units_tally import Tally


def gb_seconds(milliseconds: float, memory_mb: float) -> float:
    """Billed time times memory: https://aws.amazon.com/lambda/pricing/"""
    return milliseconds / 1000 * memory_mb / 1024


def add(tally: Tally, settings: Settings, timing: Timing) -> None:
    """The milliseconds that `timing` tells, at the functions' memory; init is billed like any other (2025-08-01).

    Own is the time in which at least one item was being processed; the processor's other time, the batcher's and the
    finalizer's is orchestration. Bounds there are none: how long functions take only time tells.
    """
    price = f"lambda.gb_seconds.{settings.cpu_architecture}"
    work_ms = min(timing.work_ms, timing.processor_ms)
    memory = settings.processor_memory
    lines = (
        ("ProcessorFunction", gb_seconds(work_ms, memory), "your items being processed", True),
        ("ProcessorFunction", gb_seconds(timing.processor_ms - work_ms, memory), "all else in the processor", False),
        ("BatcherFunction", gb_seconds(timing.batcher_ms, ORCHESTRATION_MEMORY), "the batcher", False),
        ("FinalizerFunction", gb_seconds(timing.finalizer_ms, ORCHESTRATION_MEMORY), "the finalizer", False),
    )
    for function, quantity, what, own in lines:
        tally.add(price, function, "invoke", quantity, what, own=own)
