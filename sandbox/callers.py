"""Who makes an API call: which function, and where it is the function itself, in which process."""

from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from localstack.aws.api import RequestContext
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

PROCESSES: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""FunctionProcess by the access key that it alone was given: each environment assumes the function's role anew."""


class Caller(NamedTuple):
    """`process` is the FunctionProcess that makes the call; None where Lambda calls for the function, or nobody's."""

    function: str | None
    process: Any


def caller_of(context: RequestContext) -> Caller:
    """A function's event source counts as the function; whoever is none, such as a test, as nobody."""
    key = extract_access_key_id_from_auth_header(context.request.headers)  # type: ignore[arg-type]
    process = PROCESSES.get(key or "")
    if process is not None:
        return Caller(process.function, None if process.ended else process)
    internal: Any = context.internal_request_params or {}
    _, found, name = (internal.get("source_arn") or "").partition(":function:")
    return Caller(name.partition(":")[0] if found else None, None)
