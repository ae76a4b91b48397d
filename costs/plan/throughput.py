"""What AWS's quotas allow: the processors that run at a time, and the writes that a table takes a second.

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
    """What limits the processors that run at a time.

    An invocation lasts `mean_seconds` and receives `job_bytes` of messages. The limit that is harder to lift comes
    first: of two that are equally low it is the one that is named.
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


def lambda_limits(quotas: Quotas, mean_seconds: float) -> list[Limit]:
    """What limits the invocations of a function that run at a time, each for `mean_seconds`."""
    concurrency, scaling = quotas["lambda.concurrency"], quotas["lambda.scaling_per_10_seconds"]
    requests = quotas["lambda.requests_per_concurrency"] * concurrency
    return [
        Limit("lambda.concurrency", concurrency),
        Limit("lambda.requests_per_concurrency", requests * mean_seconds),
        Limit("lambda.scaling_per_10_seconds", scaling, scaling / 10),
    ]


def table_writes(shards: int, quotas: Quotas) -> Rate:
    """The write units a second that the table takes of a batch.

    A new table takes some at first, and twice as many with every half hour in which it is used.
    """
    partition = shards * quotas["dynamodb.partition_writes"], "dynamodb.partition_writes"
    table = quotas["dynamodb.table_writes"], "dynamodb.table_writes"
    lower = min(partition, table, key=lambda limit: limit[0])
    at_first, doubling_seconds = quotas["dynamodb.table_writes_at_first"], quotas["dynamodb.doubling_minutes"] * 60

    def writes(time: float) -> tuple[float, str]:
        warm = at_first * 2 ** min(time / doubling_seconds, MOST_DOUBLINGS)
        return lower if lower[0] <= warm else (warm, "dynamodb.table_writes_at_first")

    return writes
