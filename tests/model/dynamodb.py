"""One DynamoDB table as values in memory, and a client of it in boto3's shape.

`execute` says what DynamoDB says, one write at a time; tests/e2e/test_table_contract.py holds it against the engine.
The client splits batch calls into their writes, because BatchWriteItem is not atomic: others see some of it done.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from tests.model.expressions import UnknownExpression, condition, holds, updated

MAX_BATCH = 25

type Key = tuple[str, str]
type Records = dict[Key, Record]


class Record(dict):
    """A record in DynamoDB's own types, never changed."""

    @cached_property
    def content(self) -> tuple:
        """Hashable."""
        return tuple(sorted((name, repr(value)) for name, value in self.items()))


class Snapshot(dict[Key, Record]):
    """A table's records at one moment, never changed."""

    @cached_property
    def content(self) -> frozenset:
        """Hashable."""
        return frozenset((key, record.content) for key, record in self.items())


class ConditionalCheckFailed(ClientError):
    """The condition of a write did not hold. The response has the record where it was asked for."""

    def __init__(self, operation: str, record: Mapping | None):
        answer: dict[str, Any] = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "refused"}}
        if record:
            answer["Item"] = dict(record)
        super().__init__(answer, operation)


class Exceptions:
    """As a client's `exceptions`."""

    ConditionalCheckFailedException = ConditionalCheckFailed


def key_of(record: Mapping) -> Key:
    return record["PK"]["S"], record["SK"]["S"]


def execute(records: Records, operation: str, asked: Mapping, page_size: int = 1000) -> dict:
    """Carry out one call on `records`, whose values are replaced and never changed. Raises ConditionalCheckFailed."""
    return OPERATIONS[operation](records, asked, page_size)


def _get(records: Records, asked: Mapping, _: int) -> dict:
    record = records.get(key_of(asked["Key"]))
    return {"Item": dict(record)} if record else {}


def _put(records: Records, asked: Mapping, _: int) -> dict:
    key = key_of(asked["Item"])
    _check("PutItem", asked, records.get(key))
    records[key] = Record(asked["Item"])
    return {}


def _update(records: Records, asked: Mapping, _: int) -> dict:
    key = key_of(asked["Key"])
    record = records.get(key)
    _check("UpdateItem", asked, record)
    before: Mapping = record or asked["Key"]
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    records[key] = Record(updated(asked["UpdateExpression"], before, names, values))
    answers = {"NONE": {}, "ALL_NEW": {"Attributes": dict(records[key])}, "ALL_OLD": {"Attributes": dict(before)}}
    return answers[asked.get("ReturnValues", "NONE")]


def _delete(records: Records, asked: Mapping, _: int) -> dict:
    key = key_of(asked["Key"])
    _check("DeleteItem", asked, records.get(key))
    records.pop(key, None)
    return {}


def _check(operation: str, asked: Mapping, record: Mapping | None) -> None:
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    if not holds(asked.get("ConditionExpression"), record or {}, names, values):
        shown = asked.get("ReturnValuesOnConditionCheckFailure", "NONE") == "ALL_OLD"
        raise ConditionalCheckFailed(operation, record if shown else None)


def _write(records: Records, asked: Mapping, page_size: int) -> dict:
    """A BatchWriteItem of a single request."""
    (request,) = (request for requests in asked["RequestItems"].values() for request in requests)
    ((kind, write),) = request.items()
    if kind == "PutRequest":
        _put(records, write, page_size)
    else:
        _delete(records, write, page_size)
    return {"UnprocessedItems": {}}


def _query(records: Records, asked: Mapping, page_size: int) -> dict:
    values = asked["ExpressionAttributeValues"]
    partition, wanted = _key_condition(asked["KeyConditionExpression"], values)
    found = sorted(key for key, record in records.items() if key[0] == partition and wanted(record))
    if not asked.get("ScanIndexForward", True):
        found.reverse()
    if start := asked.get("ExclusiveStartKey"):
        found = found[found.index(key_of(start)) + 1 :] if key_of(start) in records else _after(found, asked)
    limit = min(asked.get("Limit", page_size), page_size)
    page, more = found[:limit], len(found) > limit
    answer: dict[str, Any] = {"Count": len(page)}
    if asked.get("Select") != "COUNT":
        answer["Items"] = [dict(records[key]) for key in page]
    if more:
        answer["LastEvaluatedKey"] = {"PK": {"S": page[-1][0]}, "SK": {"S": page[-1][1]}}
    return answer


def _after(found: list[Key], asked: Mapping) -> list[Key]:
    """What comes after a start key whose record is gone by now."""
    start = key_of(asked["ExclusiveStartKey"])
    return [key for key in found if (key > start) == asked.get("ScanIndexForward", True)]


def _key_condition(expression: str, values: Mapping) -> tuple[str, Callable[[Mapping], bool]]:
    first, _, rest = expression.partition(" AND ")
    name, _, value = first.partition(" = ")
    if name != "PK":
        raise UnknownExpression(expression)
    if " BETWEEN " in rest:
        sort, _, bounds = rest.partition(" BETWEEN ")
        low, _, high = bounds.partition(" AND ")
        rest = f"{sort} >= {low} AND {sort} <= {high}"
    wanted = condition(rest) if rest else lambda *_: True
    return values[value]["S"], lambda record: wanted(record, {}, values)


OPERATIONS: dict[str, Callable[[Records, Mapping, int], dict]] = {
    "GetItem": _get,
    "PutItem": _put,
    "UpdateItem": _update,
    "DeleteItem": _delete,
    "BatchWriteItem": _write,
    "Query": _query,
}


class DynamoDBClient:
    """boto3's client as far as the handlers use it; `call(operation, arguments)` carries a call out."""

    exceptions = Exceptions

    def __init__(self, call: Callable[[str, dict], dict]):
        self.call = call

    def get_item(self, **asked: Any) -> dict:
        return self.call("GetItem", asked)

    def put_item(self, **asked: Any) -> dict:
        return self.call("PutItem", asked)

    def update_item(self, **asked: Any) -> dict:
        return self.call("UpdateItem", asked)

    def delete_item(self, **asked: Any) -> dict:
        return self.call("DeleteItem", asked)

    def query(self, **asked: Any) -> dict:
        return self.call("Query", asked)

    def batch_write_item(self, **asked: Any) -> dict:
        ((table, requests),) = asked["RequestItems"].items()
        assert 0 < len(requests) <= MAX_BATCH
        unprocessed = []
        for request in requests:
            answer = self.call("BatchWriteItem", {"RequestItems": {table: [request]}})
            unprocessed += answer["UnprocessedItems"].get(table, [])
        return {"UnprocessedItems": {table: unprocessed} if unprocessed else {}}

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(getattr(self, operation))


class Paginator:
    """As boto3's: one call a page."""

    def __init__(self, method: Callable[..., dict]):
        self.method = method

    def paginate(self, **asked: Any) -> Iterator[dict]:
        page = self.method(**asked)
        yield page
        while start := page.get("LastEvaluatedKey"):
            page = self.method(**asked, ExclusiveStartKey=start)
            yield page
