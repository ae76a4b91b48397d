"""Faults of API calls, at the one place where the engine passes every call to its service."""

import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers.service import ServiceRequestRouter
from localstack.http import Response
from localstack.utils.patch import patch

from sandbox.clock.stillness import RUNNING
from sandbox.faults import entries, hangs, lists, quotas
from sandbox.faults.active import FAULTS, Hit
from sandbox.faults.plan import Call
from sandbox.meter.calls import charge_refused
from sandbox.processes import LOOP, calling_process, run, served_function

ANSWER_SECONDS = 0.01
"""Between passing an answer to the socket and killing the process that reads it."""


def install() -> None:
    """Apply the plan in force to every API call, before the meter counts the calls that are carried out."""

    @patch(ServiceRequestRouter.__call__)
    def route(stock: Any, self: ServiceRequestRouter, chain: Any, context: RequestContext, response: Response) -> None:
        _route(context, response, lambda into: stock(self, chain, context, into))


def _route(context: RequestContext, response: Response, carry_out: entries.CarryOut) -> None:
    active = FAULTS.active
    if active is None or context.service is None or context.operation is None:
        carry_out(response)
        return
    process = calling_process(context)
    function = served_function(context) if process is None else process.function
    call = Call(str(context.service.service_name), context.operation.name, function)
    if late := active.meet(call, "delay"):
        with RUNNING(f"delayed call of {call.operation}"):
            active.ended.poll(late.settings["seconds"])
    quotas.refuse_beyond(active, call, context)
    hit = active.meet(call, *_kinds(call, context, process))
    if hit is None:
        with lists.lag(active, call, context.service_request):
            carry_out(response)
    else:
        _strike(hit, context, process, response, carry_out)


def _strike(hit: Hit, context: RequestContext, process: Any, response: Response, carry_out: entries.CarryOut) -> None:
    """Make the call fail as the fault says."""
    match hit.kind:
        case "error":
            charge_refused(context, hit.settings["status"])
            raise _error(hit)
        case "lost-answer":
            _discard_answer(context, carry_out)
            raise _error(hit)
        case "expired-token":
            raise lists.token_expired("the fault plan lets it expire")
        case "hang":
            hangs.hang(hit, context, response, carry_out)
        case "partial":
            entries.carry_out_some(hit, context, response, carry_out)
        case "kill":
            _kill(hit.settings["when"], process, response, carry_out)


def _kinds(call: Call, context: RequestContext, process: Any) -> Iterator[str]:
    """The kinds of faults that this call may have, but for delays, quotas and lists that lag."""
    yield from ("error", "lost-answer")
    # The engine's own clients never give up.
    if hangs.has_connection(context) and not quotas.made_by_service(context):
        yield "hang"
    if (call.service, call.operation) in entries.BATCHES:
        yield "partial"
    if process is not None and not process.ended:
        yield "kill"
    if lists.has_token(context):
        yield "expired-token"


def _error(hit: Hit) -> CommonServiceException:
    """An error that botocore takes for AWS's own error of this code."""
    status = hit.settings["status"]
    message = f"fault {hit.number} of the plan at /_rollcall/faults"
    return CommonServiceException(hit.settings["error"], message, status_code=status, sender_fault=status < 500)


def _discard_answer(context: RequestContext, carry_out: entries.CarryOut) -> None:
    """Let the call take effect, and discard its answer with all its headers, such as a checksum."""
    unread = Response()
    carry_out(unread)
    unread.close()
    context.service_response = None


def _kill(when: str, process: Any, response: Response, carry_out: entries.CarryOut) -> None:
    """Kill the calling process before, during or after the call."""
    if when == "after":
        kill = partial(LOOP.call_later, ANSWER_SECONDS, process.signal, signal.SIGKILL)
        response.call_on_close(lambda: LOOP.call_soon_threadsafe(kill))
    else:
        run(process.kill())
    if when == "before":
        raise CommonServiceException("ServiceUnavailable", "the calling process is dead, no process reads this", 503)
    carry_out(response)
