"""Requests to the engine itself, beside AWS's APIs."""

import http.client
from urllib.parse import urlsplit

from bootstrap.problem import Problem

TIMEOUT_SECONDS = 10


def ask(endpoint: str, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """Status and body of the answer, JSON where the engine has a choice. Raises Problem if nothing answers."""
    # Not urllib: it would ask a company's proxy for 127.0.0.1.
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        hint = "see whether the sandbox still runs with `rollcall status`"
        raise Problem(f"{method} {endpoint}{path}: {error}", hint) from error
    finally:
        connection.close()


def require_success(endpoint: str, method: str, path: str, status: int, body: bytes) -> None:
    """Raise Problem with what the engine says, unless this answer of it is a success."""
    if status >= 400:
        raise Problem(f"{method} {endpoint}{path}: {status}: {body.decode(errors='replace')}")
