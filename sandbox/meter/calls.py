"""Every API call that a service carried out, counted for whoever made it and for the batches that caused it."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from localstack.aws.api import RequestContext
from localstack.aws.handlers.service import ServiceRequestRouter
from localstack.http import Response
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from sandbox.callers import PROCESSES
from sandbox.meter import cloudwatch, events, s3, sqs
from sandbox.meter.account import Account
from sandbox.meter.batch_ids import batch_ids
from sandbox.meter.cloudwatch import METRICS
from sandbox.meter.ledger import LEDGER, Batches, Unit, Who
from sandbox.meter.receipts import RECEIPTS
from sandbox.meter.stacks import STACKS, Place

EXECUTION_HEADER = "X-Rollcall-Execution"
"""Names the execution whose state makes the call; sent by the engine's own clients."""

EXECUTIONS: WeakValueDictionary[str, Account] = WeakValueDictionary()
"""The account of every execution and child that runs, by its ARN."""

_SERVICES = {"sqs", "s3", "events", "cloudwatch"}
"""DynamoDB is counted where it is carried out: one has to see the items before and after."""

_stock_route = ServiceRequestRouter.__call__


def install() -> None:
    """Count every call. Faults come before this: a call that one prevents does not get here."""
    ServiceRequestRouter.__call__ = _route  # type: ignore[method-assign]


def _route(self: ServiceRequestRouter, chain: Any, context: RequestContext, response: Response) -> None:
    _stock_route(self, chain, context, response)
    count(context, response.status_code)


def count(context: RequestContext, status: int) -> None:
    """Count a call that its service answered with this HTTP status."""
    if context.service is None or context.service.service_name not in _SERVICES:
        return
    if units := _units(context, status):
        stack = charge(context, units)
        if units[0].unit == "cloudwatch.requests":
            METRICS.put(context.service_request or {}, stack)


def charge_refused(context: RequestContext, status: int) -> None:
    """A call was refused with this HTTP status before it reached its service: count it where AWS bills that.

    Only S3 says that it bills a client's errors. No other service says so of throttled or failed requests, and
    DynamoDB's throttled ones consume no capacity: they are free here.
    """
    if context.service is not None and context.service.service_name == "s3":
        count(context, status)


def charge(context: RequestContext, units: Iterable[Unit]) -> str | None:
    """Count units for whoever made this call, and tell which stack that belongs to."""
    headers: Any = context.request.headers
    process = PROCESSES.get(extract_access_key_id_from_auth_header(headers) or "")
    if process is not None:
        account: Account | None = process.meter.account
        by = "function"
    else:
        account, by = EXECUTIONS.get(headers.get(EXECUTION_HEADER) or ""), "states"
    if account is not None:
        if account.unnamed:
            account.name(_named(context, first_only=True))
        account.add(by, units)
        return account.stack
    who, batches = _outsider(context)
    LEDGER.add(batches, who, units)
    return who.stack


def _units(context: RequestContext, status: int) -> list[Unit]:
    assert context.operation is not None
    operation = context.operation.name
    request: Mapping[str, Any] = context.service_request or {}
    answer: Mapping[str, Any] = (context.service_response or {}) if context.service_exception is None else {}
    match context.service.service_name:  # type: ignore[union-attr]
        case "s3":
            method = str(context.operation.http.get("method"))
            return s3.units(operation, method) if s3.billed_error(status) else []
        case "sqs":
            return sqs.units(operation, request, answer) if status < 500 else []
        case "events":
            return events.units(operation, request, answer)
        case "cloudwatch":
            return cloudwatch.units(operation, request) if status < 400 else []
    return []


def _outsider(context: RequestContext) -> tuple[Who, Batches]:
    """Whoever is neither a function nor an execution: a poller, EventBridge, or somebody outside."""
    internal: Any = context.internal_request_params or {}
    _, found, function = (internal.get("source_arn") or "").partition(":function:")
    if found:
        place = STACKS.place("function", function.partition(":")[0])
        return Who(place.stack, place.name, "poller"), RECEIPTS.batches(context)
    place = _called(context)
    principal = str(internal.get("service_principal") or "")
    by = principal if principal in ("events", "states") else "client"
    return Who(place.stack, None, by), _named(context)


def _called(context: RequestContext) -> Place:
    """The queue, bucket or table that is called."""
    request: Mapping[str, Any] = context.service_request or {}
    for parameter, kind in (("QueueUrl", "queue"), ("Bucket", "bucket"), ("TableName", "table")):
        if name := request.get(parameter):
            return STACKS.place(kind, name.rpartition("/")[2])
    return Place(None, "")


def _named(context: RequestContext, first_only: bool = False) -> Batches:
    """The batches that the call's body names. S3's is an object, which its service has read from a stream."""
    if context.service is None or context.service.service_name == "s3":
        return ()
    return batch_ids(context.request.data, first_only)
