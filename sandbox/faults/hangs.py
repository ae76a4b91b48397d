"""Calls whose answer does not come: their connection is held until the client gives up, or the plan ends."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.http import Response

from sandbox.clock.stillness import RUNNING
from sandbox.faults.active import Hit

LOOK_SECONDS = 0.05
CONNECTION = "sandbox.connection"
"""The socket of a call's connection, in its WSGI environment. Calls within the engine's process have none."""


def has_connection(context: RequestContext) -> bool:
    """Whether the call came over a connection."""
    return context.request.environ.get(CONNECTION) is not None


def hang(hit: Hit, context: RequestContext, response: Response, carry_out: Callable[[Response], None]) -> None:
    """Hold the call back before it is carried out, its answer after it was, or what follows so many bytes of it.

    When the plan ends, a client that still waits gets its answer.
    """
    size = hit.settings["bytes"]
    if size is None and hit.settings["when"] == "before":
        if not _hold(hit, context):
            raise CommonServiceException("ServiceUnavailable", "the client has given up, nobody reads this", 503)
        carry_out(response)
        return
    if size is None:
        carry_out(response)
        _hold(hit, context)
        return
    try:
        carry_out(response)
    except Exception:
        hit.withdraw()
        raise
    response.response = _halted(response.response, size, hit, context)


def _hold(hit: Hit, context: RequestContext) -> bool:
    """Wait until the plan ends; false if the client gives up before."""
    connection = context.request.environ[CONNECTION]
    with RUNNING(f"hung call of {context.operation.name if context.operation else ''}"):
        while not _gone(connection):
            if hit.active.ended.poll(LOOK_SECONDS):
                return True
    return False


def _gone(connection: socket.socket) -> bool:
    """Whether the client has hung up. What it sends meanwhile stays unread."""
    try:
        # Not the method of a TLS socket, which knows no flags.
        return not socket.socket.recv(connection, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _halted(parts: Any, size: int, hit: Hit, context: RequestContext) -> Iterator[bytes]:
    """The parts of a body, held back after the first `size` bytes. The hit had no effect if there are not more."""
    try:
        for part in parts:
            if 0 <= size < len(part):
                head, part, size = part[:size], part[size:], -1  # noqa: PLW2901 - the rest of it
                yield head
                _hold(hit, context)
            yield part
            size -= len(part)
    finally:
        if size >= 0:
            hit.withdraw()
        getattr(parts, "close", bool)()
