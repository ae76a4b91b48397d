"""The throughput that AWS's quotas allow: concurrent processors, and writes per second of a table.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import math

from costs.facts.figures import Quotas
from costs.plan.queue import Limit, Rate
from costs.plan.settings import Settings

# The messages of one ReceiveMessage.
MESSAGES_PER_POLL = 10
# More doublings than any batch lasts for.
MOST_DOUBLINGS = 40


def processor_limits(settings: Settings, quotas: Quotas, mean_seconds: float, job_bytes: float) -> list[Limit]:
    """The limits of concurrent processors.

    An invocation lasts `mean_seconds` and receives `job_bytes` of messages. The limit that is harder to raise comes
    first, because of two equal limits the first one is named.
    """
    if settings.pollers is None:
        limits = [
            Limit("MaxConcurrency", settings.max_concurrency),
            Limit("lambda.sqs_concurrency", quotas["lambda.sqs_concurrency"]),
            Limit("lambda.sqs_ramp_per_minute", quotas["lambda.sqs_start"], quotas["lambda.sqs_ramp_per_minute"] / 60),
        ]
    else:
        pollers, each = settings.pollers, quotas["lambda.provisioned_poller_concurrency"]
        received = quotas["lambda.provisioned_poller_bytes"] / job_bytes
        polled = quotas["lambda.provisioned_poller_polls"] / math.ceil(settings.batch_size / MESSAGES_PER_POLL)
        first = min(pollers, quotas["lambda.provisioned_minimum_pollers"]) * each
        limits = [
            Limit("pollers", pollers * each),
            Limit("lambda.provisioned_poller_bytes", pollers * received * mean_seconds),
            Limit("lambda.provisioned_poller_polls", pollers * polled * mean_seconds),
            Limit("lambda.provisioned_ramp_per_minute", first, quotas["lambda.provisioned_ramp_per_minute"] / 60),
        ]
    in_flight = Limit("sqs.in_flight", quotas["sqs.in_flight"] / settings.batch_size)
    return [*lambda_limits(quotas, mean_seconds), *limits, in_flight]


def lambda_limits(quotas: Quotas, mean_seconds: float, jobs_each: float = 1.0) -> list[Limit]:
    """The limits of a function's invocations, each of `mean_seconds`, in jobs: `jobs_each` for an invocation."""
    concurrency, scaling = (quotas[f"lambda.{name}"] * jobs_each for name in ("concurrency", "scaling_per_10_seconds"))
    requests = quotas["lambda.requests_per_concurrency"] * concurrency
    return [
        Limit("lambda.concurrency", concurrency),
        Limit("lambda.requests_per_concurrency", requests * mean_seconds),
        Limit("lambda.scaling_per_10_seconds", scaling, scaling / 10),
    ]


def table_writes(shards: int, quotas: Quotas) -> Rate:
    """The write units per second that the table takes for a batch.

    A new table has a first capacity, which doubles with every half hour of use.
    """
    partition = shards * quotas["dynamodb.partition_writes"], "dynamodb.partition_writes"
    table = quotas["dynamodb.table_writes"], "dynamodb.table_writes"
    lower = min(partition, table, key=lambda limit: limit[0])
    at_first, doubling_seconds = quotas["dynamodb.table_writes_at_first"], quotas["dynamodb.doubling_minutes"] * 60

    def writes(time: float) -> tuple[float, str]:
        warm = at_first * 2 ** min(time / doubling_seconds, MOST_DOUBLINGS)
        return lower if lower[0] <= warm else (warm, "dynamodb.table_writes_at_first")

    return writes
