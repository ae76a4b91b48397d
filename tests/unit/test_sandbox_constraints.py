"""A request's constraints, by botocore's models."""

import re
from typing import Any

import pytest
from botocore.model import Shape
from localstack.aws.spec import load_service

from sandbox.engine.constraints import CODES, check_of, compiled, text_of

NOT_CHECKED = {
    "dynamodb": {"AutoScalingPolicyName", "AutoScalingRoleArn"},
    "events": {"RunCommandTargetKey"},
    "iam": {"tagKeyType", "tagValueType"},
    "logs": {"ResourceType", "TagKey", "TagValue"},
    "ssm": {"DefaultInstanceName", "NodeFilterValue", "PatchGroup", "TagKey", "TagValue", "TargetKey"},
    "stepfunctions": {"TraceHeader"},
    "sts": {"tagKeyType", "tagValueType"},
}
"""The shapes of requests whose pattern only Java knows, as it has `\\p{L}`."""


def failures(service: str, operation: str, request: dict[str, Any]) -> str:
    check = check_of(service, load_service(service).operation_model(operation).input_shape)
    found = check(request) if check else ()
    return text_of(found) if found else ""


def shapes(shape: Shape | None, seen: dict[str, Shape]) -> dict[str, Shape]:
    """A shape and all in it, by name."""
    if shape is not None and shape.name not in seen:
        seen[shape.name] = shape
        for part in (*getattr(shape, "members", {}).values(), *(getattr(shape, name, None) for name in PARTS)):
            shapes(part, seen)
    return seen


PARTS = ("member", "key", "value")


@pytest.mark.parametrize("service", CODES)
def test_every_pattern_is_checked_but_those_that_only_java_knows(service: str) -> None:
    found: dict[str, Shape] = {}
    model = load_service(service)
    for operation in model.operation_names:
        shapes(model.operation_model(operation).input_shape, found)
    patterns = {name: shape.metadata["pattern"] for name, shape in found.items() if "pattern" in shape.metadata}
    assert {name for name in patterns if compiled(patterns[name]) is None} == NOT_CHECKED.get(service, set())


@pytest.mark.parametrize(
    ("service", "operation", "request_", "said"),
    [
        ("dynamodb", "GetItem", {"TableName": "abc", "Key": {}}, ""),
        ("dynamodb", "GetItem", {"TableName": "arn:aws:dynamodb:us-east-1:1:table/a", "Key": {}}, ""),
        ("dynamodb", "GetItem", {"TableName": "a" * 256}, "Value 'a{256}' at 'tableName' .* less than or equal to 255"),
        ("dynamodb", "GetItem", {"TableName": ""}, "Value '' at 'tableName' .* greater than or equal to 3"),
        ("dynamodb", "GetItem", {"TableName": None}, ""),
        ("dynamodb", "GetItem", {"TableName": "a\nb"}, r"Value 'a\\nb' at 'tableName' .* pattern: \[a-zA-Z0-9_.-\]\+"),
        ("dynamodb", "Query", {"TableName": "abc", "Limit": 0}, "Value '0' at 'limit' .* value greater than or equal"),
        (
            "dynamodb",
            "Query",
            {"TableName": "abc", "Select": "X"},
            r"'X' at 'select' .* enum value set: \[ALL_ATTR.*\]",
        ),
        ("stepfunctions", "StartExecution", {"input": "x" * 262_145}, "1 validation error detected: Value at 'input'"),
        (
            "lambda",
            "CreateFunction",
            {"Environment": {"Variables": {"1": ""}}},
            "Value at 'environment.variables' .*Map",
        ),
        (
            "events",
            "PutTargets",
            {"Rule": "a b", "Targets": [{"Id": "1"}, {"Id": "a b"}]},
            "2 validation errors detected: Value 'a b' at 'rule' .*; Value 'a b' at 'targets.2.member.id' failed",
        ),
        (
            "dynamodb",
            "BatchWriteItem",
            {"RequestItems": {"ab": [{}]}},
            "Value at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: .Member must have",
        ),
        ("dynamodb", "PutItem", {"TableName": "abc", "Item": {"a": {"L": [{"M": {"b": {"S": ""}}}] * 3}}}, ""),
    ],
)
def test_a_failure_is_told_as_aws_tells_it(service: str, operation: str, request_: dict[str, Any], said: str) -> None:
    answer = failures(service, operation, request_)
    assert re.search(said, answer) if said else answer == ""


def test_what_is_too_long_to_show_or_secret_is_not_shown() -> None:
    assert "Value at 'tableName' failed" in failures("dynamodb", "GetItem", {"TableName": "a" * 1025})
    said = failures("secretsmanager", "CreateSecret", {"Name": "n", "SecretString": "hidden" * 11_000})
    assert said.startswith("1 validation error detected: Value at 'secretString' failed")
