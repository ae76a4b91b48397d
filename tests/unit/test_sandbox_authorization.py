"""The caller, the Region and the service are found in `Authorization` as stock LocalStack finds them."""

from typing import Any

import pytest
from localstack.aws import accounts
from localstack.aws.protocol import service_router
from localstack.http import Request
from localstack.utils.aws import request_context
from werkzeug.datastructures import Headers

from sandbox.engine import authorization

SIGNED = "SignedHeaders=host;x-amz-date, Signature=0123"
HEADERS = [
    f"AWS4-HMAC-SHA256 Credential=LSIAQAAAAAAAGMKEM7X5/20261127/eu-central-1/dynamodb/aws4_request, {SIGNED}",
    f"AWS4-HMAC-SHA256 Credential=test/20261127/us-east-1/sqs/aws4_request,{SIGNED.replace(' ', '')}",
    f"AWS4-HMAC-SHA256 {SIGNED}, Credential=test/20261127/us-west-2/states/aws4_request",
    f'AWS4-HMAC-SHA256 Credential="test/20261127/us-west-2/states/aws4_request", {SIGNED}',
    f"aws4-hmac-sha256 Credential=test/20261127/us-west-2/states/aws4_request, {SIGNED}",
    f"AWS4-HMAC-SHA256 Credential=test/us-west-2/states, {SIGNED}",
    f"AWS4-HMAC-SHA256 Credential=/20261127/us-west-2//aws4_request, {SIGNED}",
    f"AWS4-HMAC-SHA256 Credential=, {SIGNED}",
    f"AWS4-HMAC-SHA256 {SIGNED}",
    "AWS4-HMAC-SHA256",
    "AWS test:signature",
    "Bearer token",
    "",
    None,
]


def found(header: str | None) -> list[Any]:
    headers = Headers([] if header is None else [("Authorization", header)])
    request = Request("POST", "/", headers=headers)
    return [
        request_context.extract_region_from_auth_header(headers),
        request_context.extract_access_key_id_from_auth_header(headers),
        request_context.get_account_id_from_request(request),
        service_router._extract_service_indicators(request).signing_name,
    ]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_says_the_same_as_before(header: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, names in (
        (service_router, ["parse_dict_header"]),
        (request_context, ["extract_region_from_auth_header", "extract_access_key_id_from_auth_header"]),
        (accounts, ["extract_account_id_from_access_key_id"]),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    stock = found(header)
    authorization.install()
    assert found(header) == found(header) == stock
