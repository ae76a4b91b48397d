"""Quotas of API calls: each operation has a bucket of tokens, and a call without a token is refused.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html#service-limits-api-action-throttling-general
"""

import time
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.api.lambda_ import TooManyRequestsException

from sandbox.faults.active import ActivePlan
from sandbox.faults.plan import Call
from sandbox.meter.calls import EXECUTION_HEADER

_DATA = "ProvisionedThroughputExceededException"
"""DynamoDB's error of the operations on items; botocore's model says which ones."""

_CODES = {
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    "sqs": ("RequestThrottled", 400),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "s3": ("SlowDown", 503),
    # https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html
    "sns": ("Throttled", 429),
    # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and its neighbours
    **dict.fromkeys(("cloudformation", "cloudwatch", "iam", "sts"), ("Throttling", 400)),
}
"""Code and status where they are others than ThrottlingException and 400."""


class Bucket:
    """Holds up to `burst` tokens and gains `per_second`, in real time."""

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._tokens, self._counted = burst, now
        self._lock = Lock()

    def take(self, now: float) -> bool:
        """Take a token at the monotonic time `now`; false if there is none."""
        with self._lock:
            self._tokens = min(self._burst, self._tokens + (now - self._counted) * self._per_second)
            self._counted = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


_buckets: WeakKeyDictionary[ActivePlan, dict[tuple[int, Any, Any], Bucket]] = WeakKeyDictionary()
"""By the number of the fault, service and operation."""


def made_by_service(context: RequestContext) -> bool:
    """Whether one of AWS's services makes the call for a user: Step Functions, an event source, CloudFormation."""
    return context.is_internal_call or EXECUTION_HEADER in context.request.headers


def refuse_beyond(active: ActivePlan, call: Call, context: RequestContext) -> None:
    """Raise the service's own error if the call is beyond a quota of the plan.

    The calls that AWS's services make for a user need no token: they count for quotas of their own.
    """
    if made_by_service(context):
        return
    for number in active.numbers("quota"):
        if hit := active.meet_some(call, [number]):
            now = time.monotonic()
            fresh = Bucket(hit.settings["burst"], hit.settings["per_second"], now)
            bucket = _buckets.setdefault(active, {}).setdefault((number, call.service, call.operation), fresh)
            if not bucket.take(now):
                raise throttled(context.operation)
            hit.withdraw()


def throttled(operation: Any) -> ServiceException:
    """The error of a call beyond its quota; `operation` is botocore's model of it."""
    service = str(operation.service_model.service_name)
    if service == "lambda":
        # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
        reason = "FunctionInvocationRateLimitExceeded" if operation.name == "Invoke" else "CallerRateLimitExceeded"
        return TooManyRequestsException("Rate Exceeded.", Reason=reason, Type="User")
    if service == "dynamodb" and any(shape.name == _DATA for shape in operation.error_shapes):
        return CommonServiceException(_DATA, "The request rate is too high: reduce it, with exponential backoff.")
    code, status = _CODES.get(service, ("ThrottlingException", 400))
    return CommonServiceException(code, "Rate exceeded", status_code=status, sender_fault=status < 500)
