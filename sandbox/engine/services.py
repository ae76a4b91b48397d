"""The AWS services that the engine serves; every other one is refused, with a clear error of its own protocol."""

from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers.service import ServiceNameParser
from localstack.services.plugins import ServicePluginManager
from localstack.utils.patch import patch

SERVED = (
    # What the stacks and the sandbox itself are made of.
    *("cloudformation", "cloudwatch", "dynamodb", "events", "iam", "lambda", "logs", "s3", "sqs", "stepfunctions"),
    "sts",
    # For people's own work.
    *("kms", "secretsmanager", "sns", "ssm"),
)
"""By botocore's names: none of them needs Docker or a download."""

CODE = "ServiceNotServed"


def install() -> None:
    """Make the services of SERVED all that the engine can load, and refuse the others before they are parsed."""

    @patch(ServicePluginManager._resolve_api_provider_specs)
    def resolve(stock: Any, self: ServicePluginManager) -> dict[str, list[str]]:
        return {service: providers for service, providers in stock(self).items() if service in SERVED}

    @patch(ServiceNameParser.__call__)
    def parse_name(stock: Any, self: ServiceNameParser, chain: Any, context: RequestContext, response: Any) -> None:
        stock(self, chain, context, response)
        _refuse_unserved(context)


def _refuse_unserved(context: RequestContext) -> None:
    """Raise what says so, unless the request is for a service of SERVED or for none."""
    if context.service is None or str(context.service.service_name) in SERVED:
        return
    service = context.service
    # An error is written in the shape of some operation, and which one was called is not known yet.
    context.operation = service.operation_model(service.operation_names[0])
    raise CommonServiceException(
        CODE,
        f"the Rollcall sandbox does not serve {service.service_name}: it serves {', '.join(sorted(SERVED))}. "
        "See docs/fidelity.md",
        status_code=501,
    )
