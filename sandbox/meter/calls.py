"""Counts every API call that a service carried out, for its caller and for the batches behind it."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from localstack.aws.api import RequestContext
from localstack.aws.handlers.service import ServiceRequestRouter
from localstack.http import Response
from localstack.utils.patch import patch

from sandbox.meter import cloudwatch, services
from sandbox.meter.account import Account
from sandbox.meter.batch_ids import RECEIPTS, batch_ids
from sandbox.meter.cloudwatch import METRICS
from sandbox.meter.ledger import LEDGER, Batches, Consumer, Unit
from sandbox.meter.stacks import STACKS, Place
from sandbox.processes import calling_process, served_function

EXECUTION_HEADER = "X-Rollcall-Execution"
"""A header of the engine's own clients: the execution whose state makes the call."""

EXECUTIONS: WeakValueDictionary[str, Account] = WeakValueDictionary()
"""The account of every running execution and child, by its ARN."""

_SERVICES = {"sqs", "s3", "events", "cloudwatch"}
"""DynamoDB's calls are counted in `sandbox.dynamodb.metering`, which sees the items before and after."""


def install() -> None:
    """Count every call. Faults wrap this: a call that a fault prevents is not carried out."""
    patch(ServiceRequestRouter.__call__)(_route)


def _route(stock: Any, self: ServiceRequestRouter, chain: Any, context: RequestContext, response: Response) -> None:
    stock(self, chain, context, response)
    count(context, response.status_code)


def count(context: RequestContext, status: int) -> None:
    """Count a call whose service answered with this HTTP status."""
    if context.service is None or context.service.service_name not in _SERVICES:
        return
    if units := _units(context, status):
        stack = charge(context, units)
        if units[0].unit == "cloudwatch.requests":
            METRICS.put(context.service_request or {}, stack)


def charge_refused(context: RequestContext, status: int) -> None:
    """Count a call that was refused with this HTTP status before it reached its service, if AWS bills it.

    Only S3 documents that it bills a client's errors. No other service documents it for throttled or failed requests,
    and DynamoDB's throttled ones consume no capacity, so these are free here.
    """
    if context.service is not None and context.service.service_name == "s3":
        count(context, status)


def charge(context: RequestContext, units: Iterable[Unit]) -> str | None:
    """Count units for the caller, and return the caller's stack."""
    process = calling_process(context)
    if process is not None:
        account: Account | None = process.meter.account
        by = "function"
    else:
        arn = context.request.headers.get(EXECUTION_HEADER) or ""
        # The ARN of a child has the Map's label after the state machine's name. Its Map writes results for it.
        account, by = EXECUTIONS.get(arn), "child" if "/" in arn else "states"
    if account is not None:
        if account.unnamed:
            account.name(_named(context, first_only=True))
        account.add(by, units)
        return account.stack
    consumer, batches = _outsider(context)
    LEDGER.add(batches, consumer, units)
    return consumer.stack


def _units(context: RequestContext, status: int) -> list[Unit]:
    operation: Any = context.operation
    name: str = operation.name
    request: Mapping[str, Any] = context.service_request or {}
    answer: Mapping[str, Any] = (context.service_response or {}) if context.service_exception is None else {}
    match context.service.service_name:  # type: ignore[union-attr]
        case "s3":
            return services.s3_units(name, str(operation.http.get("method"))) if services.s3_bills(status) else []
        case "sqs":
            return services.sqs_units(name, request, answer) if status < 500 else []
        case "events":
            return services.events_units(name, request, answer)
        case "cloudwatch":
            return cloudwatch.units(name, request) if status < 400 else []
    return []


def _outsider(context: RequestContext) -> tuple[Consumer, Batches]:
    """The caller that is neither a function nor an execution (a poller, EventBridge, or a client), and its batches."""
    if function := served_function(context):
        place = STACKS.place("function", function)
        return Consumer(place.stack, place.name, "poller"), RECEIPTS.batches(context)
    internal: Any = context.internal_request_params or {}
    place = _called(context)
    principal = str(internal.get("service_principal") or "")
    by = principal if principal in ("events", "states") else "client"
    return Consumer(place.stack, None, by), _named(context)


def _called(context: RequestContext) -> Place:
    """The queue, bucket or table that the call is for."""
    request: Mapping[str, Any] = context.service_request or {}
    for parameter, kind in (("QueueUrl", "queue"), ("Bucket", "bucket"), ("TableName", "table")):
        if name := request.get(parameter):
            return STACKS.place(kind, name.rpartition("/")[2])
    return Place(None, "")


def _named(context: RequestContext, first_only: bool = False) -> Batches:
    """The batches that the call's body names; none for S3, whose service has read the body from a stream."""
    if context.service is None or context.service.service_name == "s3":
        return ()
    return batch_ids(context.request.data, first_only)
