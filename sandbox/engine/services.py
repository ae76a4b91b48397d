"""The AWS services that the engine serves. It refuses all others, with an error in the service's own protocol.

Of a service that it serves, it refuses the operations of which LocalStack has nothing and users may want to know why.
"""

from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers.service import ServiceNameParser
from localstack.services.plugins import SERVICE_PLUGINS, ServicePluginManager
from localstack.utils.patch import patch

OF_THE_STACKS = (
    *("cloudformation", "dynamodb", "events", "iam", "lambda", "logs", "s3", "sqs", "stepfunctions", "sts"),
)
"""What the stacks and the sandbox itself use, by botocore's names."""

SERVED = (*OF_THE_STACKS, "cloudwatch", *("kms", "secretsmanager", "sns", "ssm"))
"""With those for your code: none of them needs Docker or a download."""

REFUSED = {
    ("stepfunctions", "RedriveExecution"): (
        "ExecutionNotRedrivable",
        "the Rollcall sandbox does not serve RedriveExecution, because LocalStack cannot go on with an execution that "
        "has ended: `rollcall redrive BATCH` runs the failed and left-over items of a batch again",
    )
}
"""Operations that are refused, by botocore's names: the error's code, one that the operation may have, and its text."""


def install() -> None:
    """Let the engine load the services of SERVED only, and refuse a request for another one before parsing it."""
    handlers.serve_custom_service_request_handlers.append(_refuse)  # type: ignore[arg-type]  # called by position

    @patch(ServicePluginManager._resolve_api_provider_specs)
    def resolve(stock: Any, self: ServicePluginManager) -> dict[str, list[str]]:
        return {service: providers for service, providers in stock(self).items() if service in SERVED}

    @patch(ServiceNameParser.__call__)
    def parse_name(stock: Any, self: ServiceNameParser, chain: Any, context: RequestContext, response: Any) -> None:
        stock(self, chain, context, response)
        service = context.service
        if service is None or str(service.service_name) in SERVED:
            return
        # An error is written in the shape of some operation, and the called one is not known yet.
        context.operation = service.operation_model(service.operation_names[0])
        raise CommonServiceException(
            "ServiceNotServed",
            f"the Rollcall sandbox does not serve {service.service_name}: it serves {', '.join(sorted(SERVED))}. "
            "See docs/fidelity.md",
            status_code=501,
        )


def load() -> None:
    """Load what the stacks use, before anyone asks for it: the command packs the functions' code meanwhile.

    Stock loads a service at its first use.
    """
    for service in OF_THE_STACKS:
        SERVICE_PLUGINS.require(service)


def _refuse(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Raise the error of an operation of REFUSED."""
    if (called := context.service_operation) and (refusal := REFUSED.get((str(called.service), called.operation))):
        raise CommonServiceException(*refusal)
