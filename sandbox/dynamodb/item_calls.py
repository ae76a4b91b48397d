"""Calls that read and write items go straight to moto's methods, and what these answer goes straight to the client.

Stock reads the HTTP request again with regular expressions, looks for moto's method among all of its class, parses the
JSON text of its answer with botocore and writes it anew: 0.3 ms of each call, more for large answers.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import OperationModel
from localstack.aws.api import RequestContext
from localstack.aws.forwarder import dispatch_to_backend
from localstack.http import Response
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

METHODS = {
    "BatchGetItem": DynamoHandler.batch_get_item,
    "BatchWriteItem": DynamoHandler.batch_write_item,
    "DeleteItem": DynamoHandler.delete_item,
    "GetItem": DynamoHandler.get_item,
    "PutItem": DynamoHandler.put_item,
    "Query": DynamoHandler.query,
    "Scan": DynamoHandler.scan,
    "TransactGetItems": DynamoHandler.transact_get_items,
    "TransactWriteItems": DynamoHandler.transact_write_items,
    "UpdateItem": DynamoHandler.update_item,
}
"""Of all other operations moto's answers have parts that JSON does not have, such as times."""

_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


def is_direct(context: RequestContext) -> bool:
    """Whether `carry_out` takes the call: one in JSON that reads or writes items."""
    headers = context.request.headers
    spoken = f"{headers.get('Content-Type')} {headers.get('Accept')}"
    return context.operation.name in METHODS and "cbor" not in spoken  # type: ignore[union-attr]


def carry_out(context: RequestContext) -> dict[str, Any]:
    """The answer as JSON has it, binary values as base64. Raises what stock raises, such as a failed condition."""
    operation: Any = context.operation
    handler = DynamoHandler()
    handler.body = context.request.get_json(force=True) if context.request.data else {}
    handler.current_account, handler.region = context.account_id, context.region
    handler.response_headers = {}
    try:
        answer: Any = METHODS[operation.name](handler)
    except HTTPException as error:
        return _refused(context, Response(error.description, error.code, dict(error.get_headers())))
    if not isinstance(answer, str):
        status, headers, text = answer
        return _refused(context, Response(text, status, headers))
    found: Mapping[str, Any] = json.loads(answer)
    # moto answers more than AWS has names for.
    return {name: found[name] for name in _members(operation) if found.get(name) is not None}


def response(context: RequestContext, answer: Any) -> Response:
    """The HTTP response with an answer of `carry_out`."""
    context.service_response = answer
    return Response(json.dumps(answer), headers={**_HEADERS, "x-amzn-RequestId": context.request_id or ""})


def _refused(context: RequestContext, moto: Response) -> Any:
    """Raise the error of moto's response."""
    return dispatch_to_backend(context, lambda _context: moto)


@cache
def _members(operation: OperationModel) -> tuple[str, ...]:
    return tuple(operation.output_shape.members)
