"""Page tokens of Step Functions expire after 24 hours of the sandbox's clock; those of stock LocalStack do not.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
"""

import time
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.stepfunctions.provider import StepFunctionsProvider as Provider
from localstack.utils.patch import patch

from sandbox.faults.lists import token_expired

LIFE_SECONDS = 24 * 3600


def install() -> None:
    """Write into each token when it was made."""
    for listing in (
        *(Provider.list_executions, Provider.list_state_machines, Provider.list_activities),
        *(Provider.list_state_machine_versions, Provider.list_state_machine_aliases),
    ):
        patch(listing)(_dated)


def _dated(stock: Any, self: Any, context: RequestContext, *arguments: Any, next_token: Any = None, **rest: Any) -> Any:
    if next_token is not None:
        made, _, own = next_token.partition(".")
        if not (made.isdecimal() and made.isascii() and time.time() - int(made) <= LIFE_SECONDS):
            raise token_expired(next_token)
        next_token = own
    answer = stock(self, context, *arguments, next_token=next_token, **rest)
    if token := answer.get("nextToken"):
        answer["nextToken"] = f"{int(time.time())}.{token}"
    return answer
