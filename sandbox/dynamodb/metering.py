"""The items that a call of DynamoDB is about, as they are in moto's tables before and after it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from localstack.aws.api import RequestContext, ServiceException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from sandbox.dynamodb.partitions import looked_at
from sandbox.meter.calls import charge
from sandbox.meter.dynamodb import FAILED_CONDITION, looked_through, read, written
from sandbox.meter.item_size import item_bytes
from sandbox.meter.ledger import Unit

type _Value = Mapping[str, Any]

_FAILED_CONDITIONS = {"ConditionalCheckFailedException", "TransactionCanceledException"}


class _Write(NamedTuple):
    """One item that a call writes: `item` where it is put, which has its key within it."""

    table: str
    key: Mapping[str, _Value]
    item: Mapping[str, _Value] | None = None


def metered[Answer](context: RequestContext, request: Any, carry_out: Callable[[], Answer]) -> Answer:
    """Carry out the call and charge it to its caller. To be used while no other call is carried out.

    A condition that fails is billed by the size of the item: the larger of the existing one and a new one to be put.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithItems.html (conditional writes)
    Other errors are not: no capacity is consumed by what is refused as invalid or throttled. Secondary indexes are not
    counted.
    """
    operation = context.operation.name  # type: ignore[union-attr]
    tables: Mapping[str, Table] = dynamodb_backends[context.account_id][context.region].tables
    writes = list(_writes(operation, request))
    before = [_stored(tables, write.table, write.key) for write in writes]
    transactional = operation.startswith("Transact")
    looked_at.clear()
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


def _writes(operation: str, request: Any) -> Iterator[_Write]:
    """What a call writes. It has not been checked yet: what is missing from it is for moto to refuse."""
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
    consistent = bool(request.get("ConsistentRead"))
    match operation:
        case "GetItem":
            return read(operation, [_stored(tables, request["TableName"], request["Key"])], consistent)
        case "BatchGetItem":
            return [
                unit
                for table, wanted in request["RequestItems"].items()
                for unit in read(
                    operation,
                    [_stored(tables, table, key) for key in wanted["Keys"]],
                    bool(wanted.get("ConsistentRead")),
                )
            ]
        case "TransactGetItems":
            gets = [entry["Get"] for entry in request["TransactItems"]]
            sizes = [_stored(tables, get["TableName"], get["Key"]) for get in gets]
            return read(operation, sizes, consistent=True, transactional=True)
        case "Query" | "Scan":
            # What it returns may be a part of each item; of what it looked at, only so many came on this page.
            items: Iterable[Any] = looked_at[: answer["ScannedCount"]] or answer.get("Items") or ()
            return looked_through(operation, map(_size, items), consistent)
    return []


def _stored(tables: Mapping[str, Table], name: str, key: Mapping[str, _Value]) -> int:
    """The size of the item with this key, 0 if there is none."""
    table = tables.get(name.rpartition("/")[2])
    if table is None or not all(key.get(attribute) for attribute in table.table_key_attrs):
        return 0
    hash_key = DynamoType(dict(key[cast(str, table.hash_key_attr)]))
    # Not get_item: it would make an empty partition of a table of defaults.
    found: Any = table.items.get(hash_key)
    if found is not None and table.range_key_attr:
        found = found.get(DynamoType(dict(key[table.range_key_attr])))
    return _size(found) if found is not None else 0


def _size(item: Any) -> int:
    return item_bytes(item.attrs if hasattr(item, "attrs") else item)
