"""DynamoDB's short ways answer as stock LocalStack and moto do: the same calls both ways, answer by answer, twice.

The second time, expressions are known. Each way has an account of its own in moto.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from localstack.aws.api import RequestContext
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.aws.protocol.parser import create_parser
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.http import Request
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.parsing.tokens import ExpressionTokenizer
from moto.dynamodb.responses import DynamoHandler

from sandbox import dynamodb
from sandbox.dynamodb import conditions, item_limit, updates
from sandbox.engine import json_requests

REGION = "us-east-1"
STOCK, OURS = "1" * 12, "2" * 12
TABLE = "table"
KEY = {"PK": {"S": "p"}, "SK": {"S": "1"}}
ITEM = {
    **KEY,
    "n": {"N": "1.50"},
    "text": {"S": "ä \u2028 text"},
    "b": {"B": "AAEC"},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
    "names": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "bytes": {"BS": ["AAEC", "BA=="]},
    "list": {"L": [{"S": "x"}, {"N": "1"}, {"M": {"deep": {"L": []}}}]},
    "map": {"M": {"a": {"N": "1"}, "b": {"S": ""}}},
}
OTHER = {"PK": {"S": "p"}, "SK": {"S": "2"}, "n": {"N": "7"}}


type Call = tuple[str, dict[str, Any]]
"""An operation and its parameters as JSON has them."""
type Outcome = Any


def on_item(update: str, values: dict[str, Any] | None = None, **more: Any) -> Call:
    call: dict[str, Any] = {"TableName": TABLE, "Key": KEY, "UpdateExpression": update, **more}
    return "UpdateItem", call | ({"ExpressionAttributeValues": values} if values else {})


def if_(condition: str, values: dict[str, Any] | None = None, **more: Any) -> Call:
    call: dict[str, Any] = {"TableName": TABLE, "Item": ITEM, "ConditionExpression": condition, **more}
    return "PutItem", call | ({"ExpressionAttributeValues": values} if values else {})


def query(condition: str, values: dict[str, Any], **more: Any) -> Call:
    call = {"TableName": TABLE, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    return "Query", call | more


def names(attribute: str) -> dict[str, Any]:
    return {"ExpressionAttributeNames": {"#t": attribute}}


ONE, P = {":one": {"N": "1"}}, {":p": {"S": "p"}}
SET_ONE = {"UpdateExpression": "SET n = :one", "ExpressionAttributeValues": ONE}
LEASE = {":lease": {"N": "90"}, ":now": {"N": "10"}, ":zero": {"N": "0"}, **ONE}
CLAIM = "SET heldBefore = if_not_exists(leaseUntil, :zero), leaseUntil = :lease ADD attempts :one"
FREE = "attribute_exists(PK) AND (attribute_not_exists(leaseUntil) OR leaseUntil < :now)"
OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}

CALLS: list[Call] = [
    ("GetItem", {"TableName": TABLE, "Key": KEY}),
    ("PutItem", {"TableName": TABLE, "Item": ITEM}),
    ("PutItem", {"TableName": TABLE, "Item": ITEM, "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}),
    ("PutItem", {"TableName": TABLE, "Item": {**KEY, "text": {"S": "x" * 405_000}}}),
    ("PutItem", {"TableName": TABLE, "Item": {"PK": {"S": ""}, "SK": {"S": "1"}}}),
    ("PutItem", {"TableName": TABLE, "Item": {**KEY, "n": {"N": "no number"}}}),
    ("PutItem", {"TableName": "absent", "Item": ITEM}),
    ("GetItem", {"TableName": TABLE, "Key": KEY, "ConsistentRead": True, "ReturnConsumedCapacity": "INDEXES"}),
    ("GetItem", {"TableName": TABLE, "Key": KEY, "ProjectionExpression": "n,#t", **names("map")}),
    ("GetItem", {"TableName": TABLE, "Key": {"PK": {"S": "p"}}}),
    ("GetItem", {"TableName": TABLE, "Key": {"PK": {"S": "p"}, "wrong": {"S": "1"}}}),
    # Claims of a chunk: taken, then held; with what is left of the old item.
    on_item(CLAIM, LEASE, ConditionExpression=FREE, ReturnValues="ALL_NEW", **OLD),
    on_item(CLAIM, LEASE, ConditionExpression=FREE, ReturnValues="ALL_NEW", **OLD),
    on_item(CLAIM, LEASE, ConditionExpression=FREE),
    on_item("SET leaseUntil = :zero REMOVE tried", {":zero": {"N": "0"}}, ReturnValues="UPDATED_NEW"),
    on_item(CLAIM, LEASE | {":now": {"N": "95"}}, ConditionExpression=FREE, ReturnValues="UPDATED_OLD"),
    on_item("SET #n = #n + :one", ONE, ExpressionAttributeNames={"#n": "n"}, ReturnValues="ALL_OLD"),
    on_item("SET #l[0] = :one, #l[9] = :one", ONE, ExpressionAttributeNames={"#l": "list"}, ReturnValues="ALL_NEW"),
    on_item("REMOVE #l[0], #l[1] SET #m.a = :one", ONE, ExpressionAttributeNames={"#l": "list", "#m": "map"}),
    on_item("SET #l = list_append(#l, :l)", {":l": {"L": [{"S": "y"}]}}, ExpressionAttributeNames={"#l": "list"}),
    on_item(
        "ADD numbers :more DELETE #names :a",
        {":more": {"NS": ["2", "3"]}, ":a": {"SS": ["a"]}},
        ExpressionAttributeNames={"#names": "names"},
        ReturnValues="ALL_NEW",
    ),
    # What is wrong with an update.
    on_item("SET n = :absent", ONE),
    on_item("SET n = :one", ONE | P),
    on_item("SET n = :one", ONE, ExpressionAttributeNames={"#unused": "n"}),
    on_item("SET #absent = :one", ONE),
    on_item("SET status = :one", ONE),
    on_item("SET a = :one SET c = :one", ONE),
    on_item("ADD a :one ADD c :one SET d = :one SET e = :one", ONE),
    on_item("SET a = :one, a = :one", ONE),
    on_item("SET map.a = :one, map.a.c = :one", ONE),
    on_item("SET #a = :one, #a = :one", ONE, ExpressionAttributeNames={"#a": "a"}),
    on_item("SET nowhere.deep.a = :one", ONE),
    on_item("SET PK = :one", ONE),
    on_item("SET n = absent", None),
    on_item("SET n = n + :p", P),
    on_item("ADD #t :one", ONE, **names("text")),
    on_item("SET", None),
    on_item("SET n == :one", ONE),
    on_item("", None),
    ("UpdateItem", {"TableName": TABLE, "Key": OTHER, **SET_ONE}),
    # Conditions that hold and that do not, and what is wrong with them.
    if_("attribute_not_exists(PK)", **OLD),
    if_("attribute_not_exists(PK)"),
    if_("NOT (attribute_not_exists(PK) OR n > :one) AND n BETWEEN :one AND :one", ONE, **OLD),
    if_("n IN (:one, :p) OR begins_with(PK, :p) AND contains(#t, :p)", ONE | P, **names("text")),
    if_("size(PK) = :one AND attribute_type(PK, :s)", ONE | {":s": {"S": "S"}}),
    if_("#m.#a <> :one", ONE, ExpressionAttributeNames={"#m": "map", "#a": "a"}),
    if_("n = :absent", ONE),
    if_("#absent = :one", ONE),
    if_("status = :one", ONE),
    if_("n = ", ONE),
    if_("(n = :one", ONE),
    if_("n = :one and", ONE),
    if_("attribute_exists(n, PK)"),
    if_("n = :one", ONE | P),
    if_("%", None),
    ("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": OTHER}}, {"DeleteRequest": {"Key": KEY}}]}}),
    ("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": {**OTHER, "SK": {"S": ""}}}}]}}),
    ("BatchWriteItem", {"RequestItems": {"absent": [{"PutRequest": {"Item": OTHER}}]}}),
    ("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": ITEM}}]}}),
    ("BatchGetItem", {"RequestItems": {TABLE: {"Keys": [KEY, {"PK": {"S": "p"}, "SK": {"S": "absent"}}]}}}),
    query("PK = :p", P),
    query("PK = :p", P, Limit=1, Select="COUNT", ConsistentRead=True),
    query("PK = :p", P, Limit=1, ExclusiveStartKey=KEY, ScanIndexForward=False),
    query("PK = :p AND SK BETWEEN :a AND :z", P | {":a": {"S": "0"}, ":z": {"S": "9"}}, ReturnConsumedCapacity="TOTAL"),
    query("PK = :p", P | ONE, FilterExpression="n > :one"),
    query("PK = :p", P | ONE, FilterExpression="n > ", ProjectionExpression="PK"),
    query("SK = :p", P),
    ("Scan", {"TableName": TABLE}),
    ("Scan", {"TableName": TABLE, "FilterExpression": "n = :one", "ExpressionAttributeValues": ONE}),
    ("TransactGetItems", {"TransactItems": [{"Get": {"TableName": TABLE, "Key": KEY}}]}),
    (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Update": {"TableName": TABLE, "Key": KEY, **SET_ONE}},
                {"Put": {"TableName": TABLE, "Item": {**OTHER, "SK": {"S": "3"}}}},
            ]
        },
    ),
    (
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": TABLE, "Item": ITEM, "ConditionExpression": "attribute_not_exists(PK)", **OLD}},
                {"Delete": {"TableName": TABLE, "Key": {"PK": {"S": "p"}, "SK": {"S": "3"}}}},
            ]
        },
    ),
    ("DeleteItem", {"TableName": TABLE, "Key": KEY, "ConditionExpression": "n > :p", "ExpressionAttributeValues": P}),
    ("DeleteItem", {"TableName": TABLE, "Key": KEY, "ReturnValues": "ALL_OLD", "ReturnConsumedCapacity": "TOTAL"}),
    ("DeleteItem", {"TableName": TABLE, "Key": KEY}),
    ("DescribeTable", {"TableName": "absent"}),
]


def answers(
    account: str, carry_out: Callable[..., Any], calls: Sequence[Call] = CALLS, times: int = 2
) -> Iterator[Outcome]:
    """The outcomes of all calls: status, headers and body of the response, or the exception that is not AWS's."""
    service = load_service("dynamodb")

    def call(operation: str, parameters: dict[str, Any]) -> Outcome:
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=key/20261126/{REGION}/dynamodb/aws4_request, Signature=0",
            "x-moto-account-id": account,
            "Host": "127.0.0.1",
        }
        context: Any = RequestContext(Request("POST", "/", headers=headers, body=json.dumps(parameters)))
        context.service, context.protocol = service, "json"
        context.region, context.account_id = REGION, account
        context.operation, context.service_request = create_parser(service, "json").parse(context.request)
        try:
            response = skeleton.invoke(context)
        except Exception as error:  # noqa: BLE001  the gateway answers it with the error's text
            return operation, parameters, type(error), str(error)
        assert response.headers.pop("x-amzn-RequestId") == context.request_id
        del response.headers["Content-Length"]  # the order of an object's fields, and 2 for 2.0, are free
        return operation, parameters, response.status_code, sorted(response.headers), response.get_json(force=True)

    keys = [("PK", "HASH"), ("SK", "RANGE")]
    table = {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    }
    skeleton = Skeleton(service, MotoFallbackDispatcher(dynamodb.MotoDynamoDB()))
    call("CreateTable", table)
    skeleton = Skeleton(service, ForwardingFallbackDispatcher(dynamodb.MotoDynamoDB(), carry_out))
    for _ in range(times):
        yield from (call(*one) for one in calls)


@pytest.fixture(scope="module")
def both() -> tuple[list[Outcome], list[Outcome]]:
    """The outcomes of stock LocalStack and moto, then of ours."""
    stock = list(answers(STOCK, lambda context, _request: call_moto(context)))
    for module in (conditions, updates, item_limit, json_requests):
        module.install()
    return stock, list(answers(OURS, dynamodb._call_moto))


def test_every_answer_is_the_one_of_stock(both: tuple[list[Outcome], list[Outcome]]) -> None:
    stock, ours = both
    assert len(ours) == len(stock) == 2 * len(CALLS)
    for expected, found in zip(stock, ours, strict=True):
        assert found == expected


def test_the_calls_meet_success_and_errors(both: tuple[list[Outcome], list[Outcome]]) -> None:
    """Or the comparison would say little."""
    stock, _ = both
    assert {outcome[2] for outcome in stock} >= {200, 400}
    assert sum(outcome[2] == 200 for outcome in stock) > len(stock) / 3


def test_a_known_text_is_not_parsed_and_its_request_not_read_again(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(*_: Any, **__: Any) -> Any:
        raise AssertionError("parsed again")

    monkeypatch.setattr(ConditionExpressionParser, "_lex_condition_expression", unexpected)
    monkeypatch.setattr(ExpressionTokenizer, "make_list", unexpected)
    monkeypatch.setattr(DynamoHandler, "get_region_from_url", unexpected)
    calls = [on_item(CLAIM, LEASE | {":now": {"N": "99"}}, ConditionExpression=FREE, ReturnValues="ALL_NEW")]
    [outcome] = answers(OURS, dynamodb._call_moto, calls, times=1)
    assert outcome[2] == 400, "there is no item"
    assert outcome[4]["__type"] == "ConditionalCheckFailedException"
