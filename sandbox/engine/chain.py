"""A request passes only the handlers of LocalStack's chain that have work to do in this engine."""

from typing import Any

from localstack.aws import handlers
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.aws.handlers.metric_handler import MetricHandler
from localstack.constants import INTERNAL_RESOURCE_PATH
from localstack.utils.patch import patch
from rolo.gateway.handlers import RouterHandler

IDLE = (
    # They read switches that this engine never sets.
    handlers.validate_request_schema,
    handlers.validate_response_schema,
    handlers.count_service_request,
    # Its lines are below the level of the engine's log.
    handlers.log_response,
    # The server answers no request with an `Origin`, so that no answer needs CORS headers.
    handlers.add_cors_response_headers,
)

FUNCTIONS = "/2015-03-31/functions/"
"""The path of Lambda's calls of functions."""

FUNCTION_URL = ".lambda-url."
"""In the host names of functions' own URLs, whose paths may be any."""


def install() -> None:
    """Leave the handlers of IDLE and the collectors of metrics out, and do not look for the path of an AWS call."""

    @patch(LocalstackAwsGateway.__init__)
    def __init__(stock: Any, self: LocalstackAwsGateway, *arguments: Any, **options: Any) -> None:
        stock(self, *arguments, **options)
        for chain in (self.request_handlers, self.response_handlers):
            chain[:] = [handler for handler in chain if handler not in IDLE and not _collects_metrics(handler)]

    @patch(LocalstackResourceHandler.__call__)
    def find_resource(stock: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
        if context.request.path.startswith(INTERNAL_RESOURCE_PATH):
            stock(self, chain, context, response)

    @patch(RouterHandler.__call__)
    def find_route(stock: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
        if not _is_call(context.request):
            stock(self, chain, context, response)


def _is_call(request: Any) -> bool:
    """Whether a request is surely a call of AWS: all in JSON have the path "/" and their operation in a header."""
    if request.path == "/":
        return "X-Amz-Target" in request.headers
    return request.path.startswith(FUNCTIONS) and FUNCTION_URL not in request.host


def _collects_metrics(handler: Any) -> bool:
    return isinstance(getattr(handler, "__self__", None), MetricHandler)
