"""The functions' processes: the thread that handles all of them, and the process behind an API call."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any
from weakref import WeakValueDictionary

from localstack.aws.api import RequestContext
from localstack.utils.aws import request_context

LOOP = asyncio.new_event_loop()
"""All code about functions' processes runs in this loop's one thread: it needs no locks, and a process no thread."""

PROCESSES: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""FunctionProcess by access key. Each environment assumes the function's role for itself, so no two share a key."""

threading.Thread(target=LOOP.run_forever, name="lambda-environments", daemon=True).start()


def run[T](coroutine: Coroutine[object, object, T]) -> T:
    """Run `coroutine` in LOOP from another thread, and return or raise its outcome."""
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result()


def access_key(context: RequestContext) -> str:
    """The access key that signed the call; empty if the call is unsigned."""
    headers: Any = context.request.headers
    return request_context.extract_access_key_id_from_auth_header(headers) or ""


def calling_process(context: RequestContext) -> Any:
    """The FunctionProcess that makes the call, ended or not; None if no function's process makes it."""
    return PROCESSES.get(access_key(context))


def served_function(context: RequestContext) -> str | None:
    """The function for which Lambda itself makes the call, as an event source mapping does; None for other calls."""
    internal: Any = context.internal_request_params or {}
    _, found, name = (internal.get("source_arn") or "").partition(":function:")
    return name.partition(":")[0] if found else None
