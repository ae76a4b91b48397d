"""How Lambda reports a function that did not answer: the payload its caller gets and the line in its log."""

import json
import signal
from dataclasses import dataclass

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # AWS allows 100 bytes above 6 MB for a response


@dataclass(frozen=True)
class Failure:
    """`status` is what REPORT says: `timeout` or `error`; `log_line` goes before END, when AWS writes one."""

    error_type: str
    payload: bytes
    status: str = "error"
    log_line: str = ""

    @property
    def report_status(self) -> str:
        return f"Status: {self.status}" + (f"\tError Type: {self.error_type}" if self.status == "error" else "")


def reported(payload: bytes) -> Failure:
    """What the runtime itself reported: the error of a handler or of an init."""
    try:
        error_type = json.loads(payload)["errorType"]
    except (ValueError, KeyError, TypeError):  # the function talks to the Runtime API itself, and AWS passes it on
        error_type = "Unhandled"
    return Failure(error_type, payload)


def timed_out(request_id: str, timeout_seconds: float, now: str) -> Failure:
    message = f"Task timed out after {timeout_seconds:.2f} seconds"
    return Failure(
        "Sandbox.Timedout",
        _payload("Sandbox.Timedout", f"RequestId: {request_id} Error: {message}"),
        status="timeout",
        log_line=f"{now} {request_id} {message}\n",
    )


def exited(request_id: str, return_code: int) -> Failure:
    """The process is gone; `return_code` as subprocess has it: negative for a signal."""
    if return_code == 0:
        reason = "Runtime exited without providing a reason"
    elif return_code > 0:
        reason = f"Runtime exited with error: exit status {return_code}"
    else:
        reason = f"Runtime exited with error: signal: {(signal.strsignal(-return_code) or 'unknown').lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    return Failure(
        "Runtime.ExitError", _payload("Runtime.ExitError", message), log_line=f"{message}\nRuntime.ExitError"
    )


def response_too_large() -> Failure:
    error_type = "Function.ResponseSizeTooLarge"
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return Failure(error_type, _payload(error_type, message))


def _payload(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
