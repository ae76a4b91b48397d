"""Lambda's report of an invocation that failed: the payload for the caller and the line in the log."""

import json
import signal
from dataclasses import dataclass

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # AWS allows 100 bytes above 6 MB for a response


@dataclass(frozen=True)
class Failure:
    """`status` (`timeout` or `error`) stands in the REPORT line; `log_line`, if AWS writes one, precedes END."""

    error_type: str
    payload: bytes
    status: str = "error"
    log_line: str = ""

    @property
    def report_status(self) -> str:
        return f"Status: {self.status}" + (f"\tError Type: {self.error_type}" if self.status == "error" else "")


def reported(payload: bytes) -> Failure:
    """An error that the runtime reported: of a handler or of an init."""
    try:
        error_type = json.loads(payload)["errorType"]
    except (ValueError, KeyError, TypeError):  # the function itself called the Runtime API; AWS passes its body on
        error_type = "Unhandled"
    return Failure(error_type, payload)


def timed_out(request_id: str, timeout_seconds: float, now: str) -> Failure:
    message = f"Task timed out after {timeout_seconds:.2f} seconds"
    error = f"RequestId: {request_id} Error: {message}"
    return _failure("Sandbox.Timedout", error, status="timeout", log_line=f"{now} {request_id} {message}\n")


def exited(request_id: str, return_code: int) -> Failure:
    """The process ended; `return_code` is negative for a signal, as in subprocess."""
    if return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code > 0:
        reason = f"Runtime exited with error: exit status {return_code}"
    else:
        reason = f"Runtime exited with error: signal: {(signal.strsignal(-return_code) or 'unknown').lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    return _failure("Runtime.ExitError", message, log_line=f"{message}\nRuntime.ExitError")


def response_too_large() -> Failure:
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return _failure("Function.ResponseSizeTooLarge", message)


def _failure(error_type: str, message: str, **rest: str) -> Failure:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":"))
    return Failure(error_type, payload.encode(), **rest)
