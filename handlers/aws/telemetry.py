"""Structured logs, and lines of counts. If CustomMetrics is ENABLED, CloudWatch makes metrics of the counts.

Such a line is in CloudWatch's embedded metric format: no PutMetricData call is paid, but each metric is, by the hour.

The log has its own file descriptor and settings, made before your source.py first runs: nothing that this does to
`logging`, to its output streams or to its environment reaches it. Only a line that cannot be written is lost.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from handlers.aws import settings
from handlers.core.json_text import JsonObject

SERVICE = settings.VARIABLES.get("POWERTOOLS_SERVICE_NAME", "rollcall")
# The metrics' namespace, which is set if there are to be any.
NAMESPACE = settings.VARIABLES.get("POWERTOOLS_METRICS_NAMESPACE")


class Output:
    """Writes lines to the present standard output, even if that is closed or replaced later."""

    def __init__(self) -> None:
        self._file = os.dup(1)
        # A long line takes several writes, and threads must not mix theirs.
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Write one line. Raises OSError."""
        left = f"{line}\n".encode("utf-8", "replace")
        with self._lock:
            while left:
                left = left[os.write(self._file, left) :]


class Log:
    """Writes one JSON object a line, in the format of Powertools' logger. Its methods raise nothing."""

    def __init__(self, output: Output):
        self._output = output
        self._formatter = LambdaPowertoolsFormatter(service=SERVICE)

    def info(self, message: str, /, **fields: Any) -> None:
        self._write(logging.INFO, message, fields)

    def warning(self, message: str, /, **fields: Any) -> None:
        self._write(logging.WARNING, message, fields)

    def error(self, message: str, /, **fields: Any) -> None:
        self._write(logging.ERROR, message, fields)

    def exception(self, message: str, /, **fields: Any) -> None:
        """Log an error together with the exception that is being handled."""
        self._write(logging.ERROR, message, fields, sys.exc_info())

    def _write(self, level: int, message: str, fields: Mapping[str, Any], exc_info: Any = None) -> None:
        try:
            caller = sys._getframe(2)
            place = (caller.f_code.co_filename, caller.f_lineno)
            record = logging.LogRecord(SERVICE, level, *place, message, None, exc_info, caller.f_code.co_name)
            vars(record).update(fields)
            self._output.write(self._formatter.format(record))
        except Exception:  # noqa: BLE001, S110 - no batch may fail of its log, and a lost line cannot be logged
            pass


def put_counts(metadata: Mapping[str, Any] | None = None, /, **counts: int) -> None:
    """Write a line of counts, and of `metadata`, which never makes metrics. Raises nothing."""
    try:
        line = embedded(counts, metadata or {}) if NAMESPACE else {"service": SERVICE, **counts, **(metadata or {})}
        output.write(json.dumps(line, separators=(",", ":")))
    except Exception:  # noqa: BLE001, S110 - as for a log line
        pass


def embedded(counts: Mapping[str, int], metadata: Mapping[str, Any]) -> JsonObject:
    """The counts in the embedded metric format."""
    line = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name, count in counts.items():
        line.add_metric(name, MetricUnit.Count, count)
    for key, value in metadata.items():
        line.add_metadata(key, value)
    return dict(line.serialize_metric_set())


output = Output()
logger = Log(output)


def log_finished(detail: JsonObject) -> None:
    """Write one log line for a finished batch, and the line of its metric if there are to be any."""
    logger.info("batch finished", **detail)
    if NAMESPACE:
        put_counts(BatchesFinished=1)
