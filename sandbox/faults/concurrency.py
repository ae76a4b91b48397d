"""The account's Lambda concurrency, which a plan may lower.

LocalStack enforces LAMBDA_LIMITS_CONCURRENT_EXECUTIONS for every invocation, whoever makes it: an API call, a state
machine, an event source, or Lambda itself for an asynchronous one.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from localstack import config
from localstack.aws.api.lambda_ import ThrottleReason, TooManyRequestsException
from localstack.services.lambda_.invocation.counting_service import CountingService
from localstack.utils.patch import patch

from sandbox.faults.active import FAULTS, ActivePlan
from sandbox.faults.plan import Call

UNLOWERED = config.LAMBDA_LIMITS_CONCURRENT_EXECUTIONS


def follow(active: ActivePlan | None) -> None:
    """Let the account have the lowest limit of the plan in force, or its own again."""
    limits = (
        [active.plan.faults[number].settings["limit"] for number in active.numbers("concurrency")] if active else []
    )
    config.LAMBDA_LIMITS_CONCURRENT_EXECUTIONS = min([UNLOWERED, *limits])


def install() -> None:
    """Count the invocations that the account's limit refuses, and give the reason that AWS gives."""

    @patch(CountingService.get_invocation_lease)
    @contextmanager
    def lease(stock: Any, self: CountingService, function: Any, *arguments: Any) -> Iterator[Any]:
        with ExitStack() as held:
            try:
                provisioning = held.enter_context(stock(self, function, *arguments))
            except TooManyRequestsException as refusal:
                if function.reserved_concurrent_executions is None:
                    refusal.Reason = ThrottleReason.ConcurrentInvocationLimitExceeded
                    if active := FAULTS.active:
                        active.meet(Call(), "concurrency")
                raise
            yield provisioning
