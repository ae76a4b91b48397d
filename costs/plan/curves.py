"""What AWS's quotas allow at every time of a batch: how many processors run, how much a table takes.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math

import numpy as np

from costs.facts.quotas import Quotas
from costs.plan.pool import GRID
from costs.plan.settings import Settings

PARTITION, TABLE_AT_FIRST, TABLE = (
    "dynamodb.partition_writes",
    "dynamodb.table_writes_at_first",
    "dynamodb.table_writes",
)
# A ReceiveMessage brings no more.
MESSAGES_PER_POLL = 10


def pollers(settings: Settings, quotas: Quotas, mean_seconds: float, job_bytes: float) -> dict[str, np.ndarray]:
    """How many processors may run at a time, by what allows no more, over GRID.

    An invocation lasts so many seconds and brings so many bytes of messages.
    """
    minutes = GRID / 60
    if settings.pollers is None:
        limits = {
            "MaxConcurrency": flat(settings.max_concurrency),
            "lambda.sqs_concurrency": flat(quotas["lambda.sqs_concurrency"]),
            "lambda.sqs_ramp_per_minute": quotas["lambda.sqs_start"] + quotas["lambda.sqs_ramp_per_minute"] * minutes,
        }
    else:
        each = quotas["lambda.provisioned_poller_concurrency"]
        polls = math.ceil(settings.batch_size / MESSAGES_PER_POLL)
        first = min(settings.pollers, quotas["lambda.provisioned_minimum_pollers"]) * each
        limits = {
            "pollers": flat(settings.pollers * each),
            "lambda.provisioned_poller_bytes": flat(
                settings.pollers * quotas["lambda.provisioned_poller_bytes"] / job_bytes * mean_seconds
            ),
            "lambda.provisioned_poller_polls": flat(
                settings.pollers * quotas["lambda.provisioned_poller_polls"] / polls * mean_seconds
            ),
            "lambda.provisioned_ramp_per_minute": first + quotas["lambda.provisioned_ramp_per_minute"] * minutes,
        }
    return {
        # Where two limits are the same the first one is told: the one that is harder to lift.
        **lambda_limits(quotas, mean_seconds),
        **limits,
        "sqs.in_flight": flat(quotas["sqs.in_flight"] / settings.batch_size),
    }


def lambda_limits(quotas: Quotas, mean_seconds: float) -> dict[str, np.ndarray]:
    """How many invocations of a function, of so many seconds each, Lambda runs at a time, over GRID."""
    return {
        "lambda.concurrency": flat(quotas["lambda.concurrency"]),
        "lambda.requests_per_concurrency": flat(
            quotas["lambda.requests_per_concurrency"] * quotas["lambda.concurrency"] * mean_seconds
        ),
        "lambda.scaling_per_10_seconds": quotas["lambda.scaling_per_10_seconds"] * (1 + GRID / 10),
    }


def flat(value: float) -> np.ndarray:
    """The same at every time."""
    return np.full(len(GRID), float(value))


def writes_allowed(shards: int, quotas: Quotas) -> tuple[np.ndarray, np.ndarray]:
    """Write units a second that the table takes of a batch over GRID, and the name of the quota that says so.

    A new table takes so many at once, and twice as many with every half hour in which it is used.
    """
    doublings = GRID / 60 / quotas["dynamodb.doubling_minutes"]
    curves = {
        PARTITION: flat(shards * quotas["dynamodb.partition_writes"]),
        TABLE_AT_FIRST: quotas["dynamodb.table_writes_at_first"] * 2 ** np.minimum(doublings, 40),
        TABLE: flat(quotas["dynamodb.table_writes"]),
    }
    stacked = np.array(list(curves.values()))
    return stacked.min(axis=0), np.array(list(curves))[stacked.argmin(axis=0)]
