"""Which handlers of LocalStack's chain a request passes, and how it looks up its headers."""

from typing import Any

import pytest
from localstack.aws import handlers
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.protocol.serializer import create_serializer
from localstack.aws.spec import load_service
from localstack.http import Request
from localstack.services.plugins import ServicePluginManager
from werkzeug.datastructures import EnvironHeaders, Headers

from sandbox.engine import chain, headers


def names(passed: list[Any]) -> list[str]:
    return [getattr(handler, "__name__", type(handler).__name__) for handler in passed]


def test_only_handlers_without_work_are_left_out_and_the_others_keep_their_order() -> None:
    services = ServicePluginManager()
    gateway: Any = LocalstackAwsGateway(services)
    stock = names([*gateway.request_handlers, *gateway.response_handlers])
    chain.install()
    gateway = LocalstackAwsGateway(services)
    left_out = {type(handler).__name__ for handler in chain.IDLE}
    left_out |= {"create_metric_handler_item", "record_parsed_request", "update_metric_collection"}
    assert left_out <= set(stock)
    passed = names([*gateway.request_handlers, *gateway.response_handlers])
    assert passed == [name for name in stock if name not in left_out]
    assert handlers.enforce_cors in gateway.request_handlers
    spared = [each for each in gateway.request_handlers if each not in gateway.call_handlers]
    assert {*names(list(chain.NOT_FOR_CALLS)), "ServiceLoaderForDataPlane"} == set(names(spared))
    assert gateway.call_handlers == [each for each in gateway.request_handlers if each not in spared]


def test_headers_are_found_as_before() -> None:
    headers.install()
    given = Headers([("X-Amz-Target", "first"), ("x-amz-target", "second"), ("Size", "7"), ("Empty", "")])
    for name, value in (("x-AMZ-target", "first"), ("Size", "7"), ("empty", ""), ("absent", None)):
        assert given.get(name) == value
        assert (name in given) is (value is not None)
    assert given.get("absent", "default") == "default"
    assert given.get("size", type=int) == 7
    assert given.get("empty", 3, type=int) == 3
    environ = EnvironHeaders({"HTTP_X_AMZ_TARGET": "first", "CONTENT_TYPE": "text/plain"})
    assert environ.get("X-Amz-Target") == "first"
    assert "Content-Type" in environ
    assert "absent" not in environ


def test_an_answer_has_the_type_that_the_client_accepts() -> None:
    stock = headers._stock_mime_type
    headers.install()
    for service in ("sqs", "kms", "cloudformation"):
        serializer = create_serializer(load_service(service))
        for accept in (
            None,
            "*/*",
            "application/cbor",
            "application/x-amz-json-1.1",
            "text/html, application/json;q=0.5",
        ):
            for sent in (None, "application/x-amz-json-1.0", "application/x-amz-cbor-1.1", "text/plain"):
                given = {"Accept": accept, "Content-Type": sent}
                asked = Headers({name: value for name, value in given.items() if value})
                assert serializer._get_mime_type(asked) == stock(serializer, asked)
        assert serializer._get_mime_type(None) == stock(serializer, None)


FOR_LAMBDA = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20261127/us-east-1/lambda/aws4_request, Signature=0"}


@pytest.mark.parametrize(
    ("path", "headers", "is_call"),
    [
        ("/", {"X-Amz-Target": "DynamoDB_20120810.GetItem"}, True),
        ("/", {}, False),
        ("/2015-03-31/functions/batcher/invocations", FOR_LAMBDA, True),
        ("/2015-03-31/functions/x", FOR_LAMBDA | {"Host": "abc.lambda-url.us-east-1.localhost:4566"}, False),
        ("/2015-03-31/functions/object", {"Authorization": FOR_LAMBDA["Authorization"].replace("lambda", "s3")}, False),
        ("/2015-03-31/functions/presigned", {}, False),
        ("/", {"X-Amz-Target": "mine", "Host": "abc.lambda-url.us-east-1.localhost:4566"}, False),
        ("/", {"X-Amz-Target": "mine", "Host": "bucket.s3.localhost:4566"}, False),
        ("/_aws/sqs/messages", {}, False),
        ("/_rollcall/health", {}, False),
    ],
)
def test_only_what_is_surely_a_call_passes_resources_and_routes_by(path: str, headers: dict, is_call: bool) -> None:
    assert chain._is_call(Request("POST", path, headers=headers)) is is_call
