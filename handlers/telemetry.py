"""Structured logs, and metrics as EMF: log lines that CloudWatch reads, so no PutMetricData call is paid."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()


def log_finished(detail: dict) -> None:
    """One log line and one metric for a batch that has finished."""
    logger.info("batch finished", **detail)
    metrics.add_metric("BatchesFinished", MetricUnit.Count, 1)
    metrics.flush_metrics()
