"""API calls of an event source mapping, made within the engine: they skip HTTP, and nothing that watches calls.

A call begins where the engine passes each call to its service, with the faults of the plan and the meter. Then it goes
to what sees every answer, such as the recorder of permissions. No answer is written in the service's protocol, which
nobody would read. A client of botocore takes ten times as long.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws import handlers
from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.aws.api import RequestContext, ServiceException
from localstack.aws.connect import connect_to
from localstack.aws.handlers.service import SkeletonHandler
from localstack.aws.spec import load_service
from localstack.http import Request, Response
from localstack.runtime import get_current_runtime
from localstack.utils.aws.client_types import ServicePrincipal
from localstack.utils.aws.request_context import mock_aws_request_headers
from localstack.utils.patch import patch
from localstack.utils.strings import short_uid

type Call = Callable[..., Mapping[str, Any]]
"""`call(operation, **parameters)` returns the service's answer. Raises ClientError, as a client of botocore does."""


def calls(service: str, region: str, access_key: str, **internal: str) -> Call:
    """The calls of a service with this access key; `internal` is what the engine notes of its own calls.

    The service has been called before, so the engine has loaded it.
    """
    model = load_service(service)
    headers = {  # the only thing of the request that anyone reads
        "Authorization": mock_aws_request_headers(service, access_key, region)["Authorization"],
        "User-Agent": "event source mapping",
    }
    request = Request("POST", "/", headers=headers)

    def call(operation: str, **parameters: Any) -> Mapping[str, Any]:
        context = RequestContext(request)
        context.service = model
        context.operation, context.service_request = model.operation_model(operation), parameters  # type: ignore[assignment]
        context.region, context.account_id = region, get_account_id_from_access_key_id(access_key)
        context.internal_request_params = MappingProxyType(internal)  # type: ignore[assignment]
        try:
            _carry_out(context)
        except ServiceException as error:
            raise _client_error(error.code, error.message, operation) from error
        except Exception as error:
            # The gateway answers so, too: one call has failed, and the poller goes on.
            raise _client_error("InternalError", f"{type(error).__name__}: {error}", operation) from error
        return context.service_response or {}

    return call


def role_access_key(role_arn: str, region: str) -> str:
    """The access key of a new session in which Lambda has assumed the role. Raises ClientError."""
    sts = connect_to(region_name=region).sts.request_metadata(service_principal=ServicePrincipal.lambda_)
    session = sts.assume_role(RoleArn=role_arn, RoleSessionName=f"session-{short_uid()}")
    return session["Credentials"]["AccessKeyId"]


def _carry_out(context: RequestContext) -> None:
    router: Any = get_current_runtime().components.gateway
    response, chain = Response(), router.new_chain()
    try:
        router.service_request_router(chain, context, response)
    except ServiceException as error:
        context.service_exception = error
    handlers.run_custom_response_handlers(chain, context, response)
    if context.service_exception is not None:
        raise context.service_exception


@patch(SkeletonHandler.__call__)
def _serve(stock: Any, self: SkeletonHandler, chain: Any, context: RequestContext, response: Response) -> None:
    """Have the service carry out a call that has no protocol, and only that."""
    if context.protocol:
        stock(self, chain, context, response)
        return
    operation: Any = context.operation
    carry_out: Any = self.skeleton.dispatch_table[operation.name]
    try:
        context.service_response = carry_out(context, context.service_request) or {}
    except ServiceException as error:
        context.service_exception, response.status_code = error, error.status_code


def _client_error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
