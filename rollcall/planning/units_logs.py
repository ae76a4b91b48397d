"""Log lines by the number of invocations: bytes of each, fewest, expected and most."""

from handlers.run_items import STOP_MS
from rollcall.costs.rules import rule
from rollcall.planning import log_bytes
from rollcall.planning.settings import Settings
from rollcall.planning.timing import Timing
from rollcall.planning.units_attempts import Attempts
from rollcall.planning.units_range import NONE, Range
from rollcall.planning.units_tally import Tally

INIT_LINES = "cold starts' lines"
TYPICAL_MS, TYPICAL_INIT_MS = 50.0, 300.0
"""Only their digits matter."""
LONG_ENDING = 16
"""Bytes of an ending's line that its status and its duration may take beside the typical one's."""


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
    items: int,
    most_items: int,
    settings: Settings,
    timing: Timing | None,
    fails: bool,
) -> Range:
    """The processor's metrics, a line an invocation of `most_items` at most."""
    if not invocations.high:
        return NONE
    most_items = min(items, most_items)
    done = round(min(most_items, items / invocations.expected))
    worked = round(timing.work_ms / invocations.expected) if timing else round(TYPICAL_MS)
    longest = settings.function_timeout * 1000 - STOP_MS // 2
    most_failed = most_items if fails else 0
    return Range.of(
        invocations.low * log_bytes.processor_bytes(architecture, 0, 0, 0),
        invocations.expected * log_bytes.processor_bytes(architecture, done, 0, worked),
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
