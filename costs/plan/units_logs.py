"""Log lines by the number of invocations: bytes of each, fewest, expected and most."""

import math

from costs.facts.rules import rule
from costs.plan import log_bytes
from costs.plan.settings import Settings
from costs.plan.timing import Timing
from costs.plan.units_attempts import Attempts
from costs.plan.units_range import NONE, Range
from costs.plan.units_tally import Tally
from handlers.core.run_items import STOP_MS

INIT_LINES = "cold starts' lines"
# Of these only the digits matter.
TYPICAL_MS, TYPICAL_INIT_MS = 50.0, 300.0
TYPICAL_BATCH_MS = 12_345


def platform_lines(
    tally: Tally, function: str, memory_mb: int, timeout_seconds: int, invocations: Range, cold: float
) -> None:
    """START, END and REPORT of every invocation; `cold` of them, and at most all, are cold starts."""
    longest = timeout_seconds * 1000.0
    typical = log_bytes.platform_bytes(memory_mb, TYPICAL_MS)
    init = log_bytes.platform_bytes(memory_mb, TYPICAL_MS, TYPICAL_INIT_MS) - typical
    lines = Range.of(
        invocations.low * log_bytes.platform_bytes(memory_mb, 1.0),
        invocations.expected * typical + min(cold, invocations.expected) * init,
        # The memory used may have two digits more.
        invocations.high * (log_bytes.platform_bytes(memory_mb, longest, longest) + 2),
    )
    tally.add("logs.bytes", function, "platform", lines, "START, END and REPORT lines")
    started = Range.of(0, cold, invocations.high) * rule("logs.init_start_bytes")
    tally.add("logs.bytes", function, "platform", started, INIT_LINES, note="not logged in the sandbox")


def processor_lines(
    architecture: str,
    invocations: Range,
    tries: Attempts,
    items: int,
    most_items: int,
    settings: Settings,
    timing: Timing | None,
) -> Range:
    """The processor's metrics, a line an invocation of `most_items` at most.

    In the Step Functions architecture only a chunk's last attempt has failures in it.
    """
    if not invocations.high:
        return NONE
    most_items = min(items, most_items)
    done = round(min(most_items, (items - tries.failed_items.expected) / invocations.expected))
    worked = round(timing.work_ms / invocations.expected) if timing else round(TYPICAL_MS)
    failing = min(tries.failing_chunks.expected, invocations.expected)
    failed = max(1, round(tries.failed_items.expected / max(1, tries.failing_chunks.expected)))
    most_failed = most_items if tries.failing_chunks.high else 0
    longest = settings.function_timeout * 1000 - STOP_MS // 2
    return Range.of(
        invocations.low * log_bytes.processor_bytes(architecture, 0, 0, 0),
        (invocations.expected - failing) * log_bytes.processor_bytes(architecture, done, 0, worked)
        + failing * log_bytes.processor_bytes(architecture, done, failed, worked),
        invocations.high * log_bytes.processor_bytes(architecture, most_items, most_failed, longest),
    )


def failure_lines(architecture: str, batch_id: str, tries: Attempts, chunks: Range, items_per_chunk: int) -> Range:
    """A line for each chunk of which items have failed for good."""
    if not tries.failing_chunks.high:
        return NONE
    number = round(chunks.expected)
    typical = round(tries.failed_items.expected / max(1, tries.failing_chunks.expected))
    # The first segments' chunks have the shortest numbers, the last one's up to twelve digits.
    return Range.of(
        tries.failing_chunks.low * log_bytes.failed_bytes(architecture, batch_id, 1, 1),
        tries.failing_chunks.expected * log_bytes.failed_bytes(architecture, batch_id, number, typical),
        tries.failing_chunks.high * log_bytes.failed_bytes(architecture, batch_id, 10**11, items_per_chunk),
    )


def finished_lines(
    architecture: str, batch_id: str, tries: Attempts, items: int, chunks: Range, deadline: int, timing: Timing | None
) -> Range:
    """The ending's line and metric, once a batch; how long the batch took stands in it to the millisecond."""

    def line(items: int, failed: float, chunks: float, milliseconds: float) -> int:
        return log_bytes.finished_bytes(
            architecture, batch_id, items, math.ceil(failed), math.ceil(chunks), round(milliseconds)
        )

    failed = tries.failed_items
    took = timing.seconds * 1000 if timing else TYPICAL_BATCH_MS
    return Range.of(
        # A failed batch's line is the shorter one, whatever its counts.
        line(min(1, items), min(1, failed.high), chunks.low, 0),
        line(items, failed.expected, chunks.expected, took),
        max(line(items, each, chunks.high, deadline * 1000 - 1) for each in (failed.low, failed.high)),
    )
