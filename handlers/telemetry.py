"""Structured logs, and metrics as EMF: log lines that CloudWatch reads, so no PutMetricData call is paid."""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics()
