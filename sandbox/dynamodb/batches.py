"""BatchWriteItem refuses too many items, and two with one key; moto takes both.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from moto.dynamodb.models import dynamodb_backends

MAX_ITEMS = 25
"""Of all tables together; botocore's model bounds each table's."""


def check(context: RequestContext, request: Any) -> None:
    """Raise AWS's error if the request is a BatchWriteItem that AWS does not take."""
    if context.operation is None or context.operation.name != "BatchWriteItem":
        return
    tables: Mapping[str, list[Any]] = request["RequestItems"]
    if sum(map(len, tables.values())) > MAX_ITEMS:
        raise _refusal("Too many items requested for the BatchWriteItem call")
    for name, entries in tables.items():
        table = dynamodb_backends[context.account_id][context.region].tables.get(name.rpartition("/")[2])
        if table is None:
            continue  # moto raises the right error for it
        parts = [part.get("Item") or part.get("Key") or {} for entry in entries for part in entry.values()]
        keys = {str([part.get(name) for name in table.table_key_attrs]) for part in parts}
        if len(keys) < len(parts):
            raise _refusal("Provided list of item keys contains duplicates")


def _refusal(message: str) -> CommonServiceException:
    return CommonServiceException("ValidationException", message)
