"""A request passes only the handlers of LocalStack's chain that have work to do in this engine."""

from typing import Any

from localstack.aws import handlers
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.handlers.metric_handler import MetricHandler
from localstack.aws.handlers.service_plugin import ServiceLoaderForDataPlane
from localstack.utils.patch import patch

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

NOT_FOR_CALLS = (
    # They look for LocalStack's own resources, for routes, and for what only S3 has.
    handlers.preprocess_request,
    handlers.enforce_cors,
    handlers.serve_localstack_resources,
    handlers.serve_edge_router_rules,
    handlers.parse_pre_signed_url_request,
)

FUNCTIONS = "/2015-03-31/functions/"
"""The path of Lambda's calls of functions."""

SIGNED_FOR_LAMBDA = "/lambda/aws4_request"

OTHER_HOSTS = (".lambda-url.", ".s3")
"""In the host names of functions' own URLs and of buckets, whose paths may be any."""


def install() -> None:
    """Leave the handlers of IDLE and the collectors of metrics out; for a call of AWS those of NOT_FOR_CALLS too."""

    @patch(LocalstackAwsGateway.__init__)
    def __init__(stock: Any, self: Any, *arguments: Any, **options: Any) -> None:
        stock(self, *arguments, **options)
        for chain in (self.request_handlers, self.response_handlers):
            chain[:] = [handler for handler in chain if handler not in IDLE and not _collects_metrics(handler)]
        self.call_handlers = [
            handler
            for handler in self.request_handlers
            if handler not in NOT_FOR_CALLS and not isinstance(handler, ServiceLoaderForDataPlane)
        ]

    LocalstackAwsGateway.process = _process  # type: ignore[method-assign]
    LocalstackAwsGateway.handle = _handle  # type: ignore[method-assign]


def _process(self: Any, request: Any, response: Any) -> None:
    self.handle(self.context_class(request), response)


def _handle(self: Any, context: Any, response: Any) -> None:
    chain = self.new_chain()
    if _is_call(context.request):
        chain.request_handlers = self.call_handlers
    chain.handle(context, response)


def _is_call(request: Any) -> bool:
    """Whether a request is surely a call of AWS in JSON: all but Lambda's have their operation in a header."""
    headers = request.headers
    if request.path == "/":
        named = "X-Amz-Target" in headers
    else:
        # A bucket may have such a name.
        named = request.path.startswith(FUNCTIONS) and SIGNED_FOR_LAMBDA in headers.get("Authorization", "")
    return named and not any(other in headers.get("Host", "") for other in OTHER_HOSTS)


def _collects_metrics(handler: Any) -> bool:
    return isinstance(getattr(handler, "__self__", None), MetricHandler)
