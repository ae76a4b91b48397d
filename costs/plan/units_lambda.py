"""Lambda's GB-seconds: the user's own work apart from all else."""

from costs.plan.fixed import ORCHESTRATION_MEMORY
from costs.plan.settings import Settings
from costs.plan.timing import Timing
from costs.plan.units_range import Range
from costs.plan.units_tally import Tally


def gb_seconds(milliseconds: float, memory_mb: float) -> float:
    """Billed time times memory: https://aws.amazon.com/lambda/pricing/"""
    return milliseconds / 1000 * memory_mb / 1024


def billed(milliseconds: float, memory_mb: float, invocations: Range, timeout_seconds: int) -> Range:
    """GB-seconds of so many invocations: of a millisecond each at least, and of their timeout and as long an init."""
    low, high = invocations.low, invocations.high * 2 * timeout_seconds * 1000
    return Range.of(gb_seconds(low, memory_mb), gb_seconds(milliseconds, memory_mb), gb_seconds(high, memory_mb))


def processor(tally: Tally, settings: Settings, timing: Timing, invocations: Range) -> None:
    """Own is the time in which at least one item was being processed; init is billed like any other time."""
    price, memory = f"lambda.gb_seconds.{settings.cpu_architecture}", settings.processor_memory
    whole = billed(timing.processor_ms, memory, invocations, settings.function_timeout)
    own = Range.of(0, gb_seconds(timing.work_ms, memory), whole.high)
    rest = Range.of(0, whole.expected - own.expected, whole.high)
    tally.add(price, "ProcessorFunction", "invoke", own, "your items being processed", own=True)
    tally.add(price, "ProcessorFunction", "invoke", rest, "all else in the processor")


def batcher(tally: Tally, settings: Settings, timing: Timing, invocations: Range, timeout: int) -> None:
    """The batcher's; it is orchestration."""
    seconds = billed(timing.batcher_ms, ORCHESTRATION_MEMORY, invocations, timeout)
    tally.add(f"lambda.gb_seconds.{settings.cpu_architecture}", "BatcherFunction", "invoke", seconds, "the batcher")


def finalizer(tally: Tally, settings: Settings, timing: Timing, invocations: Range) -> None:
    """The finalizer's; it is orchestration."""
    seconds = billed(timing.finalizer_ms, ORCHESTRATION_MEMORY, invocations, settings.function_timeout)
    tally.add(f"lambda.gb_seconds.{settings.cpu_architecture}", "FinalizerFunction", "invoke", seconds, "the finalizer")


def recorder(tally: Tally, settings: Settings, timing: Timing, invocations: Range) -> None:
    """The failure recorder's: a PutObject each, taken to be as long as the finalizer with its four."""
    each = timing.finalizer_ms / max(1, timing.finalizer_invocations)
    seconds = billed(invocations.expected * each, ORCHESTRATION_MEMORY, invocations, settings.function_timeout)
    price = f"lambda.gb_seconds.{settings.cpu_architecture}"
    tally.add(price, "FailureRecorderFunction", "invoke", seconds, "recording failed items")
