"""Batch calls of which some entries fail: `UnprocessedItems`, `Failed`, `FailedEntryCount`."""

import json
import math
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.protocol.serializer import create_serializer
from localstack.http import Request, Response

from sandbox.faults.active import Hit
from sandbox.meter.calls import count

type CarryOut = Callable[[Response], None]
"""Makes the service answer the context's request into a response."""

CODE, MESSAGE = "InternalFailure", "a fault of the plan at /_rollcall/faults"


def carry_out_some(hit: Hit, context: RequestContext, response: Response, carry_out: CarryOut) -> None:
    """Let `share` of the call's entries fail, at least one; carry out the others, and answer accordingly."""
    operation: Any = context.operation
    BATCHES[str(context.service.service_name), operation.name](hit, context, response, carry_out)  # type: ignore[union-attr]
    if context.service_exception is not None:  # the call failed as a whole
        hit.withdraw()
        return
    serializer = create_serializer(context.service, context.protocol)
    answer: Any = context.service_response
    headers: Any = context.request.headers
    response.update_from(serializer.serialize_to_response(answer, operation, headers, context.request_id))


def chosen(hit: Hit, size: int) -> set[int]:
    """The numbers of the entries that fail, of `size` entries: always the same ones for one hit."""
    failing = max(1, math.floor(size * hit.settings["share"]))
    return set(sorted(range(size), key=hit.chance)[:failing])


def _queue(hit: Hit, context: RequestContext, response: Response, carry_out: CarryOut) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html"""
    entries, failing, answer = _without_failing(hit, context, response, carry_out)
    failed = [{"Id": entries[i]["Id"], "SenderFault": False, "Code": CODE, "Message": MESSAGE} for i in sorted(failing)]
    answer["Successful"] = answer.get("Successful") or []
    answer["Failed"] = [*(answer.get("Failed") or []), *failed]


def _events(hit: Hit, context: RequestContext, response: Response, carry_out: CarryOut) -> None:
    """The answer has an entry for each of the request's, in its order."""
    entries, failing, answer = _without_failing(hit, context, response, carry_out)
    done = iter(answer.get("Entries") or [])
    failed = {"ErrorCode": CODE, "ErrorMessage": MESSAGE}
    answer["Entries"] = [failed if index in failing else next(done) for index in range(len(entries))]
    answer["FailedEntryCount"] = (answer.get("FailedEntryCount") or 0) + len(failing)


def _without_failing(
    hit: Hit, context: RequestContext, response: Response, carry_out: CarryOut
) -> tuple[list[Any], set[int], Any]:
    """Carry out the entries that do not fail; all entries of the request, the failing ones' numbers, the answer."""
    request: Any = context.service_request
    entries = request["Entries"]
    failing = chosen(hit, len(entries))
    kept = [entry for index, entry in enumerate(entries) if index not in failing]
    return entries, failing, _answer({**request, "Entries": kept} if kept else None, context, response, carry_out)


def _table(hit: Hit, context: RequestContext, response: Response, carry_out: CarryOut) -> None:
    """moto reads the body of the HTTP request itself, so the failing items are taken out of that body."""
    request: Any = context.service_request
    tables: Mapping[str, list[Any]] = request["RequestItems"]
    places = [(table, index) for table, items in tables.items() for index in range(len(items))]
    numbers = chosen(hit, len(places))
    failing = {place for number, place in enumerate(places) if number in numbers}

    def part(of: Mapping[str, list[Any]], failed: bool) -> dict[str, list[Any]]:
        found = {
            table: [item for index, item in enumerate(items) if ((table, index) in failing) is failed]
            for table, items in of.items()
        }
        return {table: items for table, items in found.items() if items}

    body = json.loads(context.request.get_data())
    body["RequestItems"] = part(body["RequestItems"], failed=False)
    kept = part(tables, failed=False)
    if kept:
        text, old = json.dumps(body).encode(), context.request
        headers = {**old.headers, "Content-Length": str(len(text))}
        context.request = Request(old.method, old.path, headers=headers, body=text, server=("127.0.0.1", None))
    answer = _answer({**request, "RequestItems": kept} if kept else None, context, response, carry_out)
    answer["UnprocessedItems"] = {**(answer.get("UnprocessedItems") or {}), **part(tables, failed=True)}


def _answer(request: Any, context: RequestContext, response: Response, carry_out: CarryOut) -> Any:
    """The service's answer to `request`, which the caller may change; {} without a call if `request` is None."""
    context.service_response = {}
    if request:
        context.service_request = request
        carry_out(response)
    else:
        count(context, HTTPStatus.OK)  # the client made a call all the same
    return context.service_response


BATCHES = {
    ("dynamodb", "BatchWriteItem"): _table,
    ("sqs", "SendMessageBatch"): _queue,
    ("sqs", "DeleteMessageBatch"): _queue,
    ("sqs", "ChangeMessageVisibilityBatch"): _queue,
    ("events", "PutEvents"): _events,
}
