"""DynamoDB, served by moto inside the engine: no Java, no download; atomic, and no slower on large tables."""

import threading

from localstack.aws.api import RequestContext, ServiceRequest, ServiceResponse
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.http import Response
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider

from sandbox.dynamodb import batches, conditions, copies, item_calls, item_limit, metering, partitions, past, updates
from sandbox.dynamodb.expiry import Expiry

_one_at_a_time = threading.RLock()


class MotoDynamoDB(DynamodbApi):
    """Implements no operation, so that every call goes to moto."""


def _call_moto(context: RequestContext, request: ServiceRequest) -> ServiceResponse | Response | None:
    """Run one operation at a time.

    moto reads an item, checks the condition, then writes, and the engine calls it from many threads. Two conditional
    writes could both win, and a query fails if another thread changes the table meanwhile.
    """
    with _one_at_a_time:
        batches.check(context, request)
        with past.shown(context, request):
            if not item_calls.is_direct(context):
                return metering.metered(context, request, lambda: call_moto(context))
            answer = metering.metered(context, request, lambda: item_calls.carry_out(context))
    return item_calls.response(context, answer)


@aws_provider(api="dynamodb", name="moto")
def moto() -> Service:
    """LocalStack service plugin `dynamodb:moto`."""
    copies.install()
    conditions.install()
    item_limit.install()
    updates.install()
    partitions.install()
    Expiry(_one_at_a_time)
    return Service.for_provider(MotoDynamoDB(), lambda provider: ForwardingFallbackDispatcher(provider, _call_moto))
