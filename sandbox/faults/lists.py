"""Faults of lists and reads: they lag behind what has happened, and the tokens of pages expire.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext

from sandbox.faults.active import ActivePlan
from sandbox.faults.plan import Call

LAGGING = {
    *(("stepfunctions", name) for name in ("ListExecutions", "ListMapRuns", "DescribeMapRun")),
    *(("dynamodb", name) for name in ("GetItem", "Query", "Scan")),
}
"""Reads that are eventually consistent, unless they ask for `ConsistentRead`."""

TOKENS = {"stepfunctions": "nextToken", "events": "NextToken"}
"""The services whose page tokens expire after 24 hours, and the parameter that holds one."""

_shown_until: ContextVar[datetime | None] = ContextVar("what happened later is not shown yet", default=None)


@contextmanager
def lag(active: ActivePlan, call: Call, request: Any) -> Iterator[None]:
    """Let the answer to this thread's call lag meanwhile, if the plan says so."""
    may_lag = (call.service, call.operation) in LAGGING and not (request or {}).get("ConsistentRead")
    hit = active.meet(call, "stale-list") if may_lag else None
    if hit is None:
        yield
        return
    before = _shown_until.set(datetime.now(UTC) - timedelta(seconds=hit.settings["seconds"]))
    try:
        yield
    finally:
        _shown_until.reset(before)


def shown_until() -> datetime | None:
    """What happened later does not show in the answer to this thread's call; None if everything does."""
    return _shown_until.get()


def shown_status(started: datetime, stopped: datetime | None, status: str) -> str | None:
    """The status that a list shows of an execution with this one; None if its start does not show yet."""
    until = _shown_until.get()
    if until is None:
        return status
    if started > until:
        return None
    return "RUNNING" if stopped and stopped > until else status


def has_token(context: RequestContext) -> bool:
    """Whether the call asks for a further page, with a token that may expire."""
    request: Any = context.service_request or {}
    return bool(request.get(TOKENS.get(str(context.service and context.service.service_name), "")))


def token_expired(token: str) -> CommonServiceException:
    """The error for a token that has expired."""
    return CommonServiceException("InvalidToken", f"Invalid Token: '{token}'", sender_fault=True)
