"""JSON requests and answers are read and written as stock LocalStack does it, for every operation that speaks JSON.

Values are made from botocore's models, with each of their parts; then once with each part wrong in turn.
"""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from localstack.aws.protocol.parser import RequestParserError, create_parser
from localstack.aws.protocol.serializer import ResponseSerializerError, create_serializer
from localstack.aws.spec import load_service
from localstack.http import Request

from sandbox.engine.json_answers import writer_of
from sandbox.engine.json_requests import reader_of

SERVICES = ["dynamodb", "events", "kms", "logs", "secretsmanager", "sqs", "ssm", "stepfunctions"]
DEPTH = 3
"""Of shapes within themselves."""
WRONG = (7, "text", True, [None], ["text"], {}, {"no member": 1}, {"S": None})
SCALARS = {"integer": 7, "long": 7, "float": 1.5, "double": 1.5, "boolean": True, "timestamp": 1_800_000_000}


def operations(service: str) -> Iterator[OperationModel]:
    model = load_service(service)
    return (model.operation_model(name) for name in model.operation_names)


def value_of(shape: Shape, above: tuple[str, ...] = ()) -> Any:
    """A value as JSON has it, with every member."""
    if above.count(shape.name) >= DEPTH:
        return None
    above = (*above, shape.name)
    if isinstance(shape, StructureShape):
        return {
            member.serialization.get("name", name): value_of(member, above) for name, member in shape.members.items()
        }
    if isinstance(shape, ListShape):
        return [value_of(shape.member, above), None]
    if isinstance(shape, MapShape):
        return {"key": value_of(shape.value, above), "ä": None}
    return SCALARS.get(shape.type_name, base64.b64encode(b"bytes").decode() if shape.type_name == "blob" else "ä text")


def with_one_wrong(value: Any) -> Iterator[Any]:
    """Copies of the value, each with one part that may be wrong, down to the second level."""
    yield from WRONG
    for key, part in value.items() if isinstance(value, dict) else ():
        yield from ({**value, key: wrong} for wrong in WRONG)
        if isinstance(part, dict):
            for name in part:
                yield from ({**value, key: {**part, name: wrong}} for wrong in WRONG)
    if isinstance(value, dict) and value:
        yield {}
        yield dict([next(iter(value.items()))])


def outcome(stock_error: type[Exception], own: Any, *arguments: Any) -> Any:
    """The value, or that there is none because something is wrong."""
    try:
        return own(*arguments)
    except (stock_error, KeyError, TypeError, ValueError, AttributeError):
        return "wrong"


@pytest.mark.parametrize("service", SERVICES)
def test_requests_are_read_as_stock_reads_them(service: str) -> None:
    parser: Any = create_parser(load_service(service), "json")
    request = Request(headers={"Content-Type": "application/x-amz-json-1.0"})
    for operation in operations(service):
        if (shape := operation.input_shape) is None:
            continue
        read = reader_of(shape, parser._convert_str_to_timestamp)
        whole = value_of(shape)
        assert read(whole) == parser._parse_shape(request, shape, whole)
        for value in with_one_wrong(whole):
            expected = outcome(RequestParserError, parser._parse_shape, request, shape, value)
            # What it finds wrong it leaves to stock, which may take it where a shape has no members.
            assert outcome(RequestParserError, read, value) in ("wrong", expected), (operation.name, value)


@pytest.mark.parametrize("service", SERVICES)
def test_answers_are_written_as_stock_writes_them(service: str) -> None:
    serializer: Any = create_serializer(load_service(service), "json")

    def stock(value: Any, shape: Shape) -> Any:
        body: dict[str, Any] = {}
        serializer._serialize(body, value, shape, None, "application/json")
        return body

    for operation in operations(service):
        if (shape := operation.output_shape) is None:
            continue
        write = writer_of(shape, serializer)
        whole = value_of(shape)
        assert write(whole) == stock(whole, shape)
        for value in with_one_wrong(whole):
            found = outcome(ResponseSerializerError, write, value)
            # What it finds wrong it leaves to stock, which may only leave a field out.
            assert found in ("wrong", outcome(ResponseSerializerError, stock, value, shape)), (operation.name, value)
