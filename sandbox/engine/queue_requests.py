"""SQS refuses times and sizes that LocalStack takes; botocore's model of SQS does not bound them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from typing import Any

from localstack.aws import handlers
from localstack.aws.api import CommonServiceException, RequestContext

_BOUNDS = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
"""Of the attributes of a queue, and of parameters with these names."""


def install() -> None:
    """Refuse with the errors of SQS."""
    handlers.serve_custom_service_request_handlers.append(refuse)  # type: ignore[arg-type]  # called by position


def refuse(_chain: Any, context: RequestContext, _response: Any) -> None:
    """Raise the error for a time or size that SQS does not take."""
    if context.service is None or context.service.service_name != "sqs":
        return
    request: Any = context.service_request or {}
    attributes = request.get("Attributes") or {}
    for name, (low, high) in _BOUNDS.items():
        value, attribute = request.get(name), attributes.get(name)
        if value is not None and not low <= value <= high:
            message = f"Value {value} for parameter {name} is invalid. Reason: Must be >= {low} and <= {high}."
            raise CommonServiceException("InvalidParameterValue", message, sender_fault=True)
        if attribute is not None and not (attribute.isdecimal() and low <= int(attribute) <= high):
            message = f"Invalid value for the parameter {name}."
            raise CommonServiceException("InvalidAttributeValue", message, sender_fault=True)
