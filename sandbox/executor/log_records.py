"""A function's log: what it wrote, and the lines Lambda writes around it."""

import math
import time
from typing import NamedTuple

MEGABYTE = 1024 * 1024


class LogRecord(NamedTuple):
    """One log event: `timestamp` in milliseconds since the epoch, `message` with its final newline."""

    timestamp: int
    message: str


def record(message: str) -> LogRecord:
    """A line of Lambda's own, written now."""
    return LogRecord(time.time_ns() // 1_000_000, message + "\n")


def start(request_id: str, version: str) -> LogRecord:
    return record(f"START RequestId: {request_id} Version: {version}")


def end(request_id: str) -> LogRecord:
    return record(f"END RequestId: {request_id}")


def init_report(init_ms: float, status: str) -> LogRecord:
    """Written only when an environment's init fails."""
    return record(f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\t{status}")


def report(
    request_id: str, duration_ms: float, init_ms: float | None, memory_mb: int, peak_bytes: int, status: str
) -> LogRecord:
    """The invocation's bill. AWS bills init and duration together, rounded up to 1 ms; `init_ms` is None when warm."""
    billed = math.ceil(duration_ms + (init_ms or 0))
    used = min(math.ceil(peak_bytes / MEGABYTE), memory_mb)
    cold = "" if init_ms is None else f"Init Duration: {init_ms:.2f} ms\t"
    return record(
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory_mb} MB\tMax Memory Used: {used} MB\t{cold}{status}"
    )
