"""Custom metrics with the hours in which they got data, and the requests that bring the data.

AWS bills a metric for the hours in which data came, either by PutMetricData or by a log line in the embedded metric
format, which is not a request: https://aws.amazon.com/cloudwatch/pricing/
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.meter.ledger import Unit

type _Metric = tuple[str, str, tuple[tuple[str, str], ...], str | None]
"""Namespace, name, dimensions in order, stack."""


def units(operation: str, _request: Mapping[str, Any]) -> list[Unit]:
    """The billing units of one call."""
    return [Unit("cloudwatch.requests", operation, 1)] if operation == "PutMetricData" else []


class Metrics:
    """Every metric that got data, with those hours, counted since 1970."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hours: defaultdict[_Metric, set[int]] = defaultdict(set)

    def put(self, request: Mapping[str, Any], stack: str | None) -> None:
        """Note the metrics of a PutMetricData."""
        for datum in request.get("MetricData") or ():
            dimensions = {pair["Name"]: pair["Value"] for pair in datum.get("Dimensions") or ()}
            self._note(request["Namespace"], datum["MetricName"], dimensions, stack)

    def log(self, line: str, stack: str | None) -> None:
        """Note the metrics of a log line, if it is in the embedded metric format.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
        """
        for namespace, name, dimensions in _embedded(line) if '"CloudWatchMetrics"' in line else ():
            self._note(namespace, name, dimensions, stack)

    def reset(self) -> None:
        with self._lock:
            self._hours.clear()

    def report(self) -> list[dict[str, Any]]:
        """One entry for each metric; `hours` is the number of hours of the clock in which it had data."""
        with self._lock:
            found = sorted(self._hours.items(), key=lambda item: [str(part) for part in item[0]])
        return [
            {"namespace": namespace, "name": name, "dimensions": dict(dimensions), "stack": stack, "hours": len(hours)}
            for (namespace, name, dimensions, stack), hours in found
        ]

    def _note(self, namespace: str, name: str, dimensions: Mapping[str, str], stack: str | None) -> None:
        with self._lock:
            self._hours[namespace, name, tuple(sorted(dimensions.items())), stack].add(int(time.time() // 3600))


def _embedded(line: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    try:
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(document[name]) for name in names}
                for metric in directive["Metrics"]:
                    yield directive["Namespace"], metric["Name"], dimensions
    except (ValueError, KeyError, TypeError):  # CloudWatch treats a malformed one as an ordinary line
        return


METRICS = Metrics()
"""The metrics of this engine."""
