"""How many bytes the functions' invocations log: Lambda's own lines and the handlers', as their writers render them.

CloudWatch Logs bills the bytes of the messages: https://aws.amazon.com/cloudwatch/pricing/
"""

import functools
import json
import logging
import math
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from costs.plan.retries import Attempts, PlannedBatch
from costs.plan.rows import Estimate, estimate
from costs.plan.shape import SfnShape, SqsShape
from costs.plan.sizes import NOW
from handlers.aws import telemetry
from handlers.core.batch import Ending, Status
from handlers.core.run_items import STOP_MS
from handlers.sfn import failure_recorder
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.start import Starter
from sandbox.meter.rules import end_line, report_line, start_line

REQUEST_ID = "00000000-0000-0000-0000-000000000000"
# Powertools puts the trace that Lambda gives every invocation into each line.
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
USED_MB = 90
"""Memory that a function with boto3 and Powertools uses."""
LINE_NUMBER = 100
"""Stands for the place in the code that Powertools puts into each line."""
TYPICAL_MS = 50
TYPICAL_BATCH_MS = 12_345
LARGEST_SEQ = 10**11

type AnyBatch = PlannedBatch[SqsShape] | PlannedBatch[SfnShape]


def platform_bytes(memory_mb: int, duration_ms: float, init_ms: float | None = None) -> int:
    """START, END and REPORT of one invocation; `init_ms` of a cold start."""
    report = report_line(REQUEST_ID, duration_ms, init_ms, memory_mb, USED_MB)
    return len(f"{start_line(REQUEST_ID, '$LATEST')}\n{end_line(REQUEST_ID)}\n{report}\n")


@functools.cache
def metrics_bytes(service: str, work_ms: int | None = None, /, **metrics: int) -> int:
    """A line of embedded metrics that a function of this service name writes."""
    line = EphemeralMetrics(namespace="Rollcall", service=service)
    for name, value in metrics.items():
        line.add_metric(name, MetricUnit.Count, value)
    if work_ms is not None:
        line.add_metadata("workMs", work_ms)
    return len(json.dumps(line.serialize_metric_set(), separators=(",", ":"))) + 1


@functools.cache
def logged_bytes(service: str, writer: Callable[..., Any], level: int, message: str, **fields: Any) -> int:
    """A line that the function `writer` logs."""
    names = {"funcName": writer.__name__, "lineno": LINE_NUMBER, "levelname": logging.getLevelName(level)}
    record = logging.makeLogRecord({**names, "msg": message, **fields})
    line = LambdaPowertoolsFormatter(service=service).format(record)
    return len(line) + len(f',"xray_trace_id":"{TRACE_ID}"') + 1


def started_bytes(batch_id: str) -> int:
    """The line that the SQS batcher logs of each batch."""
    return logged_bytes("sqs-batcher", Starter._start, logging.INFO, "batch started", batch_id=batch_id, generation=1)


def processor_lines(
    architecture: str, batch: AnyBatch, tries: Attempts, invocations: Estimate, chunks_taken: int
) -> Estimate:
    """Bytes of the processors' metrics: a line for each invocation, of `chunks_taken` chunks at most.

    In the Step Functions architecture only a chunk's last attempt has failures in it.
    """

    def line(done: int, failed: int, work_ms: int) -> int:
        metrics = {"ItemsProcessed": done} | ({"ItemsFailed": failed} if failed else {})
        return metrics_bytes(f"{architecture}-processor", work_ms, **metrics)

    if not invocations.most:
        return Estimate(0, 0, 0)
    items, settings, timing = batch.workload.items, batch.settings, batch.timing
    most_items = min(items, chunks_taken * settings.items_per_chunk)
    done = round(min(most_items, (items - tries.failed_items.expected) / invocations.expected))
    worked = round(timing.work_ms / invocations.expected) if timing else TYPICAL_MS
    failing = min(tries.failing_chunks.expected, invocations.expected)
    most_failed = most_items if tries.failing_chunks.most else 0
    longest = settings.function_timeout * 1000 - STOP_MS // 2
    return estimate(
        invocations.least * line(0, 0, 0),
        (invocations.expected - failing) * line(done, 0, worked)
        + failing * line(done, max(1, tries.failed_per_chunk), worked),
        invocations.most * line(most_items, most_failed, longest),
    )


def failure_lines(architecture: str, batch: AnyBatch, tries: Attempts) -> Estimate:
    """Bytes of the lines that are logged of chunks with failed items."""
    sqs = architecture == "sqs"
    writer = FinishedChunks.add_failed if sqs else failure_recorder.handler
    service = "sqs-processor" if sqs else "sfn-failure-recorder"

    def line(seq: int, failed: int) -> int:
        fields = {"batch_id": batch.batch_id, "seq": seq, "count": failed}
        return logged_bytes(service, writer, logging.WARNING, "items failed", **fields)

    least, expected, most = tries.failing_chunks
    seq = max(0, round(batch.chunks.expected) - 1)
    return estimate(
        least * line(0, 1),
        expected * line(seq, tries.failed_per_chunk),
        most * line(LARGEST_SEQ, batch.settings.items_per_chunk),
    )


@functools.cache
def finished_bytes(architecture: str, batch_id: str, items: int, failed: int, chunks: int, milliseconds: int) -> int:
    """The line and the metric that the finalizer logs of each batch. No failures are tolerated."""
    status = Status.FAILED if failed else Status.SUCCEEDED
    counts = (items, items - failed, failed, 0, chunks)
    ending = Ending(batch_id, 1, architecture, status, *counts, NOW - milliseconds, NOW)
    service = f"{architecture}-finalizer"
    line = logged_bytes(service, telemetry.log_finished, logging.INFO, "batch finished", **ending.detail())
    return line + metrics_bytes(service, BatchesFinished=1)


def finished_lines(architecture: str, batch: AnyBatch, tries: Attempts) -> Estimate:
    """Bytes of the finalizer's line and metric, once a batch."""

    def line(items: int, failed: float, chunks: float, milliseconds: float) -> int:
        counts = math.ceil(failed), math.ceil(chunks), round(milliseconds)
        return finished_bytes(architecture, batch.batch_id, items, *counts)

    items, failed, chunks = batch.workload.items, tries.failed_items, batch.chunks
    took = batch.timing.seconds * 1000 if batch.timing else TYPICAL_BATCH_MS
    longest = batch.settings.deadline_seconds * 1000 - 1
    return estimate(
        # FAILED is shorter than SUCCEEDED.
        line(min(1, items), min(1, failed.most), chunks.least, 0),
        line(items, failed.expected, chunks.expected, took),
        max(line(items, count, chunks.most, longest) for count in (failed.least, failed.most)),
    )
