"""A function's log: what it wrote, and the lines Lambda writes around it."""

import math
import time
from typing import NamedTuple

from sandbox.meter.rules import MEGABYTE, end_line, report_line, start_line


class LogRecord(NamedTuple):
    """One log event: `timestamp` in milliseconds since the epoch, `message` with its final newline."""

    timestamp: int
    message: str


def record(message: str) -> LogRecord:
    """A line of Lambda's own, written now."""
    return LogRecord(time.time_ns() // 1_000_000, message + "\n")


def start(request_id: str, version: str) -> LogRecord:
    return record(start_line(request_id, version))


def end(request_id: str) -> LogRecord:
    return record(end_line(request_id))


def init_report(init_ms: float, status: str) -> LogRecord:
    """Written only when an environment's init fails."""
    return record(f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: init\t{status}")


def report(
    request_id: str, duration_ms: float, init_ms: float | None, memory_mb: int, peak_bytes: int, status: str
) -> LogRecord:
    """The invocation's bill; `init_ms` is None in a warm environment."""
    return record(report_line(request_id, duration_ms, init_ms, memory_mb, math.ceil(peak_bytes / MEGABYTE), status))
