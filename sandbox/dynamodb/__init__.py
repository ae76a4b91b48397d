"""DynamoDB served by moto inside the engine: no Java, no download; atomic, and no slower on big tables."""

import threading

from localstack.aws.api import RequestContext, ServiceRequest, ServiceResponse
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.aws.skeleton import DispatchTable
from localstack.http import Response
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider

from sandbox.dynamodb import copies, metering, partitions, transactions

_one_at_a_time = threading.RLock()


class MotoDynamoDB(DynamodbApi):
    """Implements no operation itself, so that every call falls through to moto."""


def _call_moto(context: RequestContext, request: ServiceRequest) -> ServiceResponse | Response | None:
    """Run one operation at a time.

    moto reads, checks the condition, then writes, and the engine calls it from many threads: two conditional writes
    could both win, and a query fails when the table changes under it.
    """
    with _one_at_a_time:
        return metering.metered(context, request, lambda: call_moto(context))


def _dispatch_table(provider: object) -> DispatchTable:
    return ForwardingFallbackDispatcher(provider, _call_moto)


@aws_provider(api="dynamodb", name="moto")
def moto() -> Service:
    """LocalStack service plugin `dynamodb:moto`."""
    for module in (copies, partitions, transactions):
        module.install()
    return Service.for_provider(MotoDynamoDB(), dispatch_table_factory=_dispatch_table)
