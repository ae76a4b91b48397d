"""Meters a call of DynamoDB by its items in moto's tables, before the call and after it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from localstack.aws.api import RequestContext, ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table

from sandbox.dynamodb.partitions import items_read
from sandbox.dynamodb.places import place_of
from sandbox.meter.calls import charge
from sandbox.meter.dynamodb import FAILED_CONDITION, read, scanned, written
from sandbox.meter.item_size import item_bytes
from sandbox.meter.ledger import Unit

type _Value = Mapping[str, Any]

_FAILED_CONDITIONS = {"ConditionalCheckFailedException", "TransactionCanceledException"}


class _Write(NamedTuple):
    """One item that a call writes. A put has the whole `item`, which contains its key."""

    table: str
    key: Mapping[str, _Value]
    item: Mapping[str, _Value] | None = None


def metered[Answer](context: RequestContext, request: Any, carry_out: Callable[[], Answer]) -> Answer:
    """Carry out the call and charge it to its caller, while no other call runs.

    AWS bills a write whose condition fails by the larger of the existing item and the item to put.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html (conditional writes)
    It does not bill other errors: an invalid or throttled call consumes no capacity. Secondary indexes are not counted.
    """
    operation = context.operation.name  # type: ignore[union-attr]
    tables: Mapping[str, Table] = dynamodb_backends[context.account_id][context.region].tables
    writes = list(items_written(operation, request))
    before = [_stored(tables, write.table, write.key) for write in writes]
    transactional = operation.startswith("Transact")
    items_read.clear()
    try:
        answer = carry_out()
    except ServiceException as error:
        if error.code in _FAILED_CONDITIONS:
            wanted = [item_bytes(write.item or {}) for write in writes]
            charge(context, written(operation + FAILED_CONDITION, zip(before, wanted, strict=True), transactional))
        raise
    units = _reads(operation, request, answer, tables)
    if writes:
        after = [item_bytes(write.item) if write.item else _stored(tables, *write[:2]) for write in writes]
        units = written(operation, zip(before, after, strict=True), transactional)
    if units:
        charge(context, units)
    return answer


def items_written(operation: str, request: Any) -> Iterator[_Write]:
    """The items that a call writes. The call may be incomplete: moto checks it later."""
    match operation:
        case "PutItem" | "UpdateItem" | "DeleteItem":
            yield _write(request.get("TableName"), request)
        case "BatchWriteItem":
            for table, entries in (request.get("RequestItems") or {}).items():
                yield from (_write(table, part) for entry in entries for part in entry.values())
        case "TransactWriteItems":
            for entry in request.get("TransactItems") or ():
                yield from (_write(call.get("TableName"), call) for call in entry.values())


def _write(table: str | None, call: Mapping[str, Any]) -> _Write:
    item = call.get("Item")
    return _Write(table or "", item or call.get("Key") or {}, item)


def _reads(operation: str, request: Any, answer: Any, tables: Mapping[str, Table]) -> list[Unit]:
    match operation:
        case "GetItem" | "BatchGetItem":
            units: list[Unit] = []
            gets = request.get("RequestItems") or {request["TableName"]: {**request, "Keys": [request["Key"]]}}
            for table, wanted in gets.items():
                sizes = [_stored(tables, table, key) for key in wanted["Keys"]]
                units += read(operation, sizes, bool(wanted.get("ConsistentRead")))
            return units
        case "TransactGetItems":
            calls = [entry["Get"] for entry in request["TransactItems"]]
            sizes = [_stored(tables, call["TableName"], call["Key"]) for call in calls]
            return read(operation, sizes, consistent=True, transactional=True)
        case "Query" | "Scan":
            # The answer may hold only parts of the items; the page ends after ScannedCount of the items read.
            items: Iterable[Any] = items_read[: answer["ScannedCount"]] or answer.get("Items") or ()
            return scanned(operation, map(_size, items), bool(request.get("ConsistentRead")))
    return []


def _stored(tables: Mapping[str, Table], name: str, key: Mapping[str, _Value]) -> int:
    """The size of the item with this key, 0 if it does not exist."""
    place = place_of(tables, name, key)
    item = place.item() if place else None
    return _size(item) if item is not None else 0


def _size(item: Any) -> int:
    return item_bytes(item.attrs if hasattr(item, "attrs") else item)
