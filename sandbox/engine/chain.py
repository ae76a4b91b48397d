"""A request passes only the handlers of LocalStack's chain that have work to do in this engine."""

from typing import Any

from localstack.aws import handlers
from localstack.aws.app import LocalstackAwsGateway
from localstack.aws.handlers.internal import LocalstackResourceHandler
from localstack.aws.handlers.metric_handler import MetricHandler
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


def install() -> None:
    """Leave the handlers of IDLE and the collectors of metrics out, and do not look for the path of an AWS call."""

    @patch(LocalstackAwsGateway.__init__)
    def __init__(stock: Any, self: LocalstackAwsGateway, *arguments: Any, **options: Any) -> None:
        stock(self, *arguments, **options)
        for chain in (self.request_handlers, self.response_handlers):
            chain[:] = [handler for handler in chain if handler not in IDLE and not _collects_metrics(handler)]

    for router in (RouterHandler, LocalstackResourceHandler):
        patch(router.__call__)(_route)


def _route(stock: Any, self: Any, chain: Any, context: Any, response: Any) -> None:
    # All calls in JSON have the path "/", and their operation in a header.
    if context.request.path != "/" or "X-Amz-Target" not in context.request.headers:
        stock(self, chain, context, response)


def _collects_metrics(handler: Any) -> bool:
    return isinstance(getattr(handler, "__self__", None), MetricHandler)
