"""How many bytes the functions' invocations log: Lambda's own lines and the handlers', rendered as they are written.

CloudWatch Logs bills the bytes of the messages: https://aws.amazon.com/cloudwatch/pricing/
"""

import functools
import inspect
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from costs.plan.sizes_dynamodb import NOW
from handlers.aws import telemetry
from handlers.core.batch import Ending, Status
from handlers.sfn import failure_recorder
from handlers.sqs.finished import FinishedChunks
from handlers.sqs.start import Starter

REQUEST_ID = "00000000-0000-0000-0000-000000000000"
# Powertools puts the trace that Lambda gives every invocation into each line.
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
USED_MB = 90
"""Memory of a function with boto3 and Powertools, of which only the two or three digits matter here."""


def platform_bytes(memory_mb: int, duration_ms: float, init_ms: float | None = None) -> int:
    """START, END and REPORT of one invocation; `init_ms` of a cold start.

    Their text: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
    """
    init = "" if init_ms is None else f"Init Duration: {init_ms:.2f} ms\t"
    return len(
        f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
        f"END RequestId: {REQUEST_ID}\n"
        f"REPORT RequestId: {REQUEST_ID}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {duration_ms + (init_ms or 0):.0f} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {min(USED_MB, memory_mb)} MB\t{init}\n"
    )


@functools.cache
def metrics_bytes(service: str, work_ms: int | None = None, /, **metrics: int) -> int:
    """The line of embedded metrics that a function of this service name writes, made by Powertools itself."""
    line = EphemeralMetrics(namespace="Rollcall", service=service)
    for name, value in metrics.items():
        line.add_metric(name, MetricUnit.Count, value)
    if work_ms is not None:
        line.add_metadata("workMs", work_ms)
    return len(json.dumps(line.serialize_metric_set(), separators=(",", ":"))) + 1


def logged_bytes(service: str, writer: Callable, level: int, message: str, fields: Mapping[str, Any]) -> int:
    """A line of Powertools' logger, written by a call within `writer`; its place is told by name and line number."""
    source = inspect.unwrap(writer)
    record = logging.makeLogRecord(
        {
            "funcName": source.__name__,
            "lineno": inspect.getsourcelines(source)[1],
            "levelname": logging.getLevelName(level),
            "msg": message,
            **fields,
        }
    )
    formatter = LambdaPowertoolsFormatter(service=service)
    return len(formatter.format(record)) + len(f',"xray_trace_id":"{TRACE_ID}"') + 1


@functools.cache
def started_bytes(batch_id: str) -> int:
    """What the SQS batcher logs of each batch."""
    fields = {"batch_id": batch_id, "generation": 1}
    return logged_bytes("sqs-batcher", Starter._start, logging.INFO, "batch started", fields)


@functools.cache
def finished_bytes(architecture: str, batch_id: str, items: int, failed: int, chunks: int, milliseconds: int) -> int:
    """What the finalizer logs of each batch: a line and a metric. No failures are tolerated."""
    status = Status.FAILED if failed else Status.SUCCEEDED
    counts = (items, items - failed, failed, 0, chunks)
    ending = Ending(batch_id, 1, architecture, status, *counts, NOW - milliseconds, NOW)
    service = f"{architecture}-finalizer"
    line = logged_bytes(service, telemetry.log_finished, logging.INFO, "batch finished", ending.detail())
    return line + metrics_bytes(service, BatchesFinished=1)


@functools.cache
def failed_bytes(architecture: str, batch_id: str, chunks: int, items: int) -> int:
    """What is logged of each chunk of which `items` have failed for good."""
    sqs = architecture == "sqs"
    writer = FinishedChunks.add_failed if sqs else failure_recorder.handler
    fields = {"batch_id": batch_id, "seq": max(0, chunks - 1), "count": items}
    service = "sqs-processor" if sqs else "sfn-failure-recorder"
    return logged_bytes(service, writer, logging.WARNING, "items failed", fields)


@functools.cache
def processor_bytes(architecture: str, done: int, failed: int, work_ms: int) -> int:
    """The metrics line of one processor invocation, of so many items and milliseconds of work.

    Failures stand in it only where there are some.
    """
    metrics = {"ItemsProcessed": done}
    if failed:
        metrics["ItemsFailed"] = failed
    return metrics_bytes(f"{architecture}-processor", work_ms, **metrics)
