"""The bytes that the functions' invocations log: Lambda's own lines and the handlers'.

CloudWatch Logs bills the bytes of the messages: https://aws.amazon.com/cloudwatch/pricing/
"""

from functools import partial

from costs.plan.retries import Attempts, PlannedBatch
from costs.plan.rows import Estimate, estimate
from costs.plan.shape import SfnShape, SqsShape
from handlers.core.run_items import STOP_MS
from sandbox.meter.rules import end_line, report_line, start_line

REQUEST_ID = "00000000-0000-0000-0000-000000000000"
USED_MB = 90
"""Memory that a function with boto3 and Powertools uses."""
TYPICAL_MS = 50
TYPICAL_BATCH_MS = 12_345
LARGEST_SEQ = 10**11
FIXED_BYTES = {"started": 217, "counts": 56, "failed count": 15, "item": 516, "failure": 228, "finished": 422}
"""Bytes of each line of the handlers without its fields, as Powertools writes it, with trace id and newline.

"failed count" is the ItemsFailed in a line of counts. "item" is the line of an item that fails, with the id and the
error of the example's: that of your own error may be longer.
"""
METRIC_BYTES = {"counts": 166, "failed count": 42, "finished": 215}
"""The bytes that come on top if CloudWatch is to make metrics of the counts; the finalizer writes a line of its own."""
ROUNDING = 0.01
"""The fixed sizes leave out the bytes in which architectures and statuses differ: less than this share of a line."""


def platform_bytes(memory_mb: int, duration_ms: float, init_ms: float | None = None) -> int:
    """Bytes of Lambda's lines START, END and REPORT for one invocation; `init_ms` is that of a cold start.

    Their text: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
    """
    report = report_line(REQUEST_ID, duration_ms, init_ms, memory_mb, USED_MB)
    return len(f"{start_line(REQUEST_ID, '$LATEST')}\n{end_line(REQUEST_ID)}\n{report}\n")


def line_bytes(line: str, batch_id: str, *numbers: float, metrics: bool = False) -> int:
    """Bytes of a line of the handlers with these numbers in its fields."""
    fixed = FIXED_BYTES[line] + (METRIC_BYTES.get(line, 0) if metrics else 0)
    return fixed + len(batch_id) + sum(len(f"{number:.0f}") for number in numbers)


def bounded(least: float, expected: float, most: float) -> Estimate:
    """The bytes of lines, with bounds for what their fixed sizes leave out."""
    return estimate(least * (1 - ROUNDING), expected, most * (1 + ROUNDING))


def logged(
    batch: PlannedBatch[SqsShape] | PlannedBatch[SfnShape], tries: Attempts, processors: Estimate, chunks_taken: int
) -> dict[str, Estimate | float]:
    """Bytes of the handlers' lines: the batch's start (SQS only), counts, items and chunks that fail, the batch's end.

    Each of the `processors` invocations writes a line of counts, of at most `chunks_taken` chunks. An item that fails
    is a line at each attempt, a chunk that has such items is one at its last attempt.
    """
    items, settings, timing, batch_id = batch.workload.items, batch.settings, batch.timing, batch.batch_id
    failed, failing, failed_per_chunk = tries.failed_items, tries.failing_chunks, tries.failed_per_chunk
    most_items = min(items, chunks_taken * settings.items_per_chunk)
    done = min(most_items, (items - failed.expected) / max(1, processors.expected))
    worked = timing.work_ms / max(1, processors.expected) if timing else TYPICAL_MS
    longest = settings.processor_timeout * 1000 - STOP_MS // 2
    counted = partial(line_bytes, metrics=settings.makes_metrics)
    most_failures = counted("failed count", "", most_items) if failing.most else 0
    # An attempt that was cut short is made again, and so are its items that failed.
    again = tries.cut_short.most * min(failed.most, settings.items_per_chunk)
    took = timing.seconds * 1000 if timing else TYPICAL_BATCH_MS
    ended, deadline = ("finished", batch_id), settings.deadline_seconds * 1000
    return {
        "started_bytes": line_bytes("started", batch_id),
        "counts_bytes": bounded(
            processors.least * counted("counts", "", 0, 0),
            processors.expected * counted("counts", "", done, worked)
            + min(failing.expected, processors.expected) * counted("failed count", "", failed_per_chunk),
            processors.most * (counted("counts", "", most_items, longest) + most_failures),
        ),
        "failed_item_bytes": bounded(
            failed.least * settings.max_attempts * line_bytes("item", batch_id, 0, 1),
            failed.expected * settings.max_attempts * line_bytes("item", batch_id, batch.chunks.expected, 1),
            (failed.most * settings.max_attempts + again) * line_bytes("item", batch_id, LARGEST_SEQ, 10),
        ),
        "failure_bytes": bounded(
            failing.least * line_bytes("failure", batch_id, 0, 1),
            failing.expected * line_bytes("failure", batch_id, batch.chunks.expected, failed_per_chunk),
            failing.most * line_bytes("failure", batch_id, LARGEST_SEQ, settings.items_per_chunk),
        ),
        "finished_bytes": bounded(
            counted(*ended, 0, 0, 0, 0, 1000),
            counted(*ended, items, items - failed.expected, failed.expected, batch.chunks.expected, took),
            counted(*ended, items, items - failed.least, failed.most, batch.chunks.most, deadline),
        ),
    }
