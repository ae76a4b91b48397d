"""The Lambda Runtime API of one environment, on a loopback port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

from sandbox.clock.clock import CLOCK
from sandbox.executor.runtime_connection import RuntimeConnection, RuntimeRequest

PREFIX = "/2018-06-01/runtime/"
# Not Lambda's: while a connection that has asked for this is open, a debugger holds the function (debuggee.py).
HOLD = "/rollcall/hold"

type Answer = tuple[bool, bytes] | None
"""Whether it is an error, and the body; None if there will be no answer."""


@dataclass(frozen=True)
class Delivery:
    """One invocation for the runtime, and the future of its answer."""

    request_id: str
    headers: dict[str, str]
    payload: bytes
    answer: asyncio.Future[Answer] = field(default_factory=asyncio.Future)


class RuntimeApi:
    """Delivers invocations to one runtime, one at a time, and takes its answers.

    `initialized` becomes an answer too: when the runtime requests its first invocation, or tells of the error of its
    init.
    """

    def __init__(self) -> None:
        self.initialized: asyncio.Future[Answer] = asyncio.Future()
        self._current: Delivery | None = None
        self._undelivered: Delivery | None = None
        self._waiting = deque[RuntimeConnection]()

    async def open(self) -> str:
        """Listen; return the address for AWS_LAMBDA_RUNTIME_API."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self._answer), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def deliver(self, delivery: Delivery) -> None:
        """Deliver it to the runtime as soon as that asks, unless the runtime has ended."""
        if not self._server.is_serving():
            settle(delivery.answer, None)
        self._current = self._undelivered = delivery
        self._hand_over()

    def close(self) -> None:
        """End all connections. What is not answered will not be."""
        self._server.close()
        self._server.abort_clients()
        settle(self.initialized, None)
        if self._current:
            settle(self._current.answer, None)

    def _answer(self, connection: RuntimeConnection, request: RuntimeRequest) -> None:
        status, path, body = HTTPStatus.ACCEPTED, request.target.decode("latin-1"), bytes(request.body)
        match request.method, path.removeprefix(PREFIX).split("/"):
            case "GET", ["invocation", "next"]:
                settle(self.initialized, (False, b""))
                if connection not in self._waiting:
                    self._waiting.append(connection)
                self._hand_over()
                return
            case "POST", ["init", "error"]:
                settle(self.initialized, (True, body))
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                current = self._current
                if current is None or current.request_id != request_id or current.answer.done():
                    status = HTTPStatus.BAD_REQUEST
                else:
                    current.answer.set_result((kind == "error", body))
            case "POST", _ if path == HOLD:
                connection.lifetime.enter_context(CLOCK.held())
                status = HTTPStatus.OK
            case _:
                status = HTTPStatus.NOT_FOUND
        connection.send(status)

    def _hand_over(self) -> None:
        """Write the delivery to a runtime that waits for it. One that has hung up gets none."""
        while self._undelivered and self._waiting:
            runtime, delivery = self._waiting.popleft(), self._undelivered
            if not runtime.has_hung_up() and runtime.send(HTTPStatus.OK, delivery.payload, delivery.headers):
                self._undelivered = None


def settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    """Set the answer, unless there is one."""
    if not future.done():
        future.set_result(answer)
