"""The engine's own clients sign nothing: their calls name the caller as signed ones do, and nothing checks signatures.

Signing takes a third of what such a call costs its client, and the text of `User-Agent`, made twice, another third.
"""

from functools import partial
from typing import Any

from botocore import UNSIGNED
from localstack.aws import client as aws_client
from localstack.aws.connect import InternalClientFactory
from localstack.utils.aws.request_context import mock_aws_request_headers
from localstack.utils.patch import patch

# The body of an upload may come in signed parts, which its signature announces.
SIGNED = "s3"


def install() -> None:
    """Let clients that are made from now on sign no calls, but those of S3, and read answers without copying them."""
    aws_client._ResponseStream.readinto = _read_into  # type: ignore[method-assign]

    @patch(InternalClientFactory._get_client_post_hook)
    def finish(stock: Any, self: InternalClientFactory, client: Any) -> Any:
        client = stock(self, client)
        if client.meta.service_model.service_name != SIGNED:
            client.meta.events.register("choose-signer.*.*", _no_signer)
            client.meta.events.register_first("request-created.*.*", partial(_name_caller, _caller(client)))
        user_agent = client._user_agent_creator.to_string()
        client._user_agent_creator.to_string = lambda: user_agent
        return client


def _caller(client: Any) -> str:
    """What the header `Authorization` tells of the caller of each call: the access key, and the Region called."""
    signer = client._request_signer
    told = mock_aws_request_headers(signer.signing_name, signer._credentials.access_key, client.meta.region_name)
    return told["Authorization"]


def _no_signer(**_: Any) -> Any:
    return UNSIGNED


def _name_caller(caller: str, request: Any, **_: Any) -> None:
    request.headers["Authorization"] = caller


def _read_into(self: Any, buffer: Any) -> int:
    """As stock does, which copies all that is left of a megabyte for each part that it reads: 0.4 s for a layer."""
    left = self._buf or memoryview(next(self.iterator, b""))
    size = min(len(buffer), len(left))
    buffer[:size], self._buf = left[:size], left[size:]
    return size
