"""HTTP requests to the engine's own endpoints."""

import http.client
from urllib.parse import urlsplit

from bootstrap.problem import Problem

TIMEOUT_SECONDS = 10


class NotServed(Problem):
    """The engine does not serve a path of our extension."""


def ask(endpoint: str, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """Send a request; returns the status and the body, as JSON if possible. Raises Problem if nothing answers."""
    # urllib would send it to a company's proxy.
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
    """Raise Problem with the engine's message if its answer is an error, NotServed if it does not know the path."""
    if status == 404:
        raise NotServed(
            f"the engine at {endpoint} does not serve {path}: it is another engine, or an older version started it",
            "restart it: `rollcall down`, then `rollcall up`",
        )
    if status >= 400:
        raise Problem(f"{method} {endpoint}{path}: {status}: {body.decode(errors='replace')}")
