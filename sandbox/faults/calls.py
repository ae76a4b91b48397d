"""Faults of API calls: in the one place through which the engine hands every call to its service."""

import asyncio
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.handlers.service import ServiceRequestRouter
from localstack.http import Response

from sandbox.callers import Caller, caller_of
from sandbox.engine_loop import LOOP, run
from sandbox.faults import entries
from sandbox.faults.active import FAULTS, Hit
from sandbox.faults.plan import Call
from sandbox.meter.calls import charge_refused

ANSWER_SECONDS = 0.01
"""From the moment an answer was handed to the socket until its reader is killed."""


def install() -> None:
    """Let every API call pass the plan in force, before the meter that counts what is carried out."""
    stock = ServiceRequestRouter.__call__

    def route(self: ServiceRequestRouter, chain: Any, context: RequestContext, response: Response) -> None:
        def carry_out(into: Response) -> None:
            stock(self, chain, context, into)

        _route(context, response, carry_out)

    ServiceRequestRouter.__call__ = route  # type: ignore[method-assign]


def _route(context: RequestContext, response: Response, carry_out: entries.CarryOut) -> None:
    active = FAULTS.active
    if active is None or context.service is None or context.operation is None:
        carry_out(response)
        return
    caller = caller_of(context)
    call = Call(str(context.service.service_name), context.operation.name, caller.function)
    if late := active.meet(call, "delay"):
        active.ended.wait(late.settings["seconds"])
    hit = active.meet(call, *_kinds(call, caller))
    if hit is None:
        carry_out(response)
        return
    match hit.kind:
        case "error":
            charge_refused(context, hit.settings["status"])
            raise _error(hit)
        case "lost-answer":
            _carry_out_in_vain(context, carry_out)
            raise _error(hit)
        case "partial":
            entries.carry_out_some(hit, context, response, carry_out)
        case "kill":
            _kill(hit, caller, response, carry_out)


def _kinds(call: Call, caller: Caller) -> list[str]:
    """The kinds of faults that can befall this call."""
    kinds = ["error", "lost-answer"]
    if (call.service, call.operation) in entries.BATCHES:
        kinds.append("partial")
    if caller.process is not None:
        kinds.append("kill")
    return kinds


def _error(hit: Hit) -> CommonServiceException:
    """What botocore takes for AWS's own error of this code."""
    status = hit.settings["status"]
    message = f"fault {hit.number} of the plan at /_rollcall/faults"
    return CommonServiceException(hit.settings["error"], message, status_code=status, sender_fault=status < 500)


def _carry_out_in_vain(context: RequestContext, carry_out: entries.CarryOut) -> None:
    """Let the call take effect, and forget its answer with all its headers, such as a checksum."""
    unread = Response()
    carry_out(unread)
    unread.close()
    context.service_response = None


def _kill(hit: Hit, caller: Caller, response: Response, carry_out: entries.CarryOut) -> None:
    match hit.settings["when"]:
        case "before":
            run(caller.process.kill())
            raise CommonServiceException("ServiceUnavailable", "its caller is dead: nobody reads this", 503)
        case "during":
            run(caller.process.kill())
            carry_out(response)
        case "after":
            response.call_on_close(lambda: asyncio.run_coroutine_threadsafe(_kill_soon(caller.process), LOOP))
            carry_out(response)


async def _kill_soon(process: Any) -> None:
    await asyncio.sleep(ANSWER_SECONDS)
    await process.kill()
