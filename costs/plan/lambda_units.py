"""What Lambda bills for the functions' invocations, and the lines that it logs of each of them."""

from collections.abc import Iterator, Mapping

from costs.facts.rules import Rules
from costs.plan.log_lines import TYPICAL_MS, platform_bytes
from costs.plan.rows import Counts, Row, Three, three, usages
from costs.plan.settings import Settings
from costs.plan.timing import Timing
from costs.usage import BATCHER, FINALIZER, GB_SECONDS, INIT, PROCESSOR, RECORDER, Usage
from sandbox.meter.rules import lambda_gb_seconds

ORCHESTRATION_MEMORY = 256
"""MB of every function but the processor, by the templates."""
TYPICAL_INIT_MS = 300.0
INIT_START_BYTES = Rules.load()["logs.init_start_bytes"]


def lambda_usages(
    settings: Settings, timing: Timing | None, invocations: Mapping[str, Three], batcher_timeout: int
) -> list[Usage]:
    """The units of each function's invocations; without `timing` no durations."""
    found = []
    for function, counted in invocations.items():
        memory = settings.processor_memory if function == PROCESSOR else ORCHESTRATION_MEMORY
        timeout = batcher_timeout if function == BATCHER else settings.function_timeout
        found += function_usages(function, settings, timing, counted, memory, timeout)
    return found


def function_usages(
    function: str, settings: Settings, timing: Timing | None, invocations: Three, memory: int, timeout: int
) -> list[Usage]:
    """The units of one function's invocations.

    An invocation is billed for a millisecond at least, and for its timeout and as long an init at most. Of the
    processor's time, that in which at least one item was being processed is your code's.
    """
    billed_ms = billed(timing, invocations)[function] if timing else 0.0
    most_ms = invocations.most * 2 * timeout * 1000
    whole = three(invocations.least, billed_ms, most_ms)
    work = three(0, timing.work_ms, most_ms) if timing and function == PROCESSOR else Three(0, 0, 0)
    cold_starts = timing.cold_starts if timing and function != RECORDER else 0.0
    # The batcher and the finalizer have one each.
    cold = max(0, cold_starts - 2) if function == PROCESSOR else min(cold_starts, 1)
    warm = platform_bytes(memory, TYPICAL_MS)
    init = platform_bytes(memory, TYPICAL_MS, TYPICAL_INIT_MS) - warm
    counts: dict[str, Three | float] = {
        "invocations": invocations,
        "cold_starts": three(0, cold, invocations.most),
        "work_ms": work,
        "other_ms": three(0, whole.expected - work.expected, most_ms) if work.most else whole,
        "platform_bytes": three(
            invocations.least * platform_bytes(memory, 1.0),
            invocations.expected * warm + min(cold, invocations.expected) * init,
            # The memory used may have two digits more.
            invocations.most * (platform_bytes(memory, timeout * 1000, timeout * 1000) + len("00")),
        ),
    }

    def rows(n: Counts) -> Iterator[Row]:
        duration = GB_SECONDS + settings.cpu_architecture
        yield Row("lambda.requests", function, "invoke", n.invocations)
        if timing:
            yield Row(duration, function, "invoke", lambda_gb_seconds(n.work_ms, memory), own=True)
            yield Row(duration, function, "invoke", lambda_gb_seconds(n.other_ms, memory))
        yield Row("logs.bytes", function, "platform", n.platform_bytes)
        started = n.cold_starts * INIT_START_BYTES
        yield Row("logs.bytes", function, "platform", started, part=INIT, note="not logged in the sandbox")

    return usages(rows, counts)


def billed(timing: Timing, invocations: Three) -> dict[str, float]:
    """Billed milliseconds of each function; the recorder's PutObject takes as long as the finalizer with its four."""
    return {
        BATCHER: timing.batcher_ms,
        PROCESSOR: timing.processor_ms,
        RECORDER: invocations.expected * timing.finalizer_ms / max(1, timing.finalizer_invocations),
        FINALIZER: timing.finalizer_ms,
    }
