"""The Lambda Runtime API of one environment, on a loopback port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import json
import socket
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus

from sandbox import visitors
from sandbox.clock.clock import CLOCK
from sandbox.executor.failures import MAX_RESPONSE_BYTES
from sandbox.socket_owners import connection_owner, is_ours

PREFIX = "/2018-06-01/runtime/"
# Not Lambda's: while a connection that has asked for this is open, a debugger holds the function (debuggee.py).
HOLD = "/rollcall/hold"
TCP_ESTABLISHED = 1  # of the states in linux/tcp.h's enum
READ_SIZE = 65536  # asyncio's own, four times this, has each read map memory and unmap it
HEAD_LIMIT = 2 * 1024 * 1024  # awslambdaric sends up to 1 MiB of stack trace as a header


@dataclass(frozen=True)
class Delivery:
    """One invocation for the runtime; `answer` becomes (whether it is an error, body)."""

    request_id: str
    headers: dict[str, str]
    payload: bytes
    answer: asyncio.Future[tuple[bool, bytes]] = field(default_factory=asyncio.Future)


class RuntimeApi:
    """Delivers invocations to one runtime, and takes its answers.

    `initialized` becomes None when the runtime requests its first invocation, or the body of the error of its init.
    """

    def __init__(self) -> None:
        self.initialized: asyncio.Future[bytes | None] = asyncio.Future()
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self._current: Delivery | None = None

    async def open(self) -> str:
        """Listen; return the address for AWS_LAMBDA_RUNTIME_API."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def deliver(self, delivery: Delivery) -> None:
        self._current = delivery
        self._deliveries.put_nowait(delivery)

    def close(self) -> None:
        self._server.close()
        self._server.abort_clients()
        self._deliveries.shutdown()  # wakes a runtime that waits for an invocation

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.max_size = READ_SIZE  # type: ignore[attr-defined]  # of transports with a socket
        try:
            if not is_ours(connection_owner(writer.get_extra_info("peername"), writer.get_extra_info("sockname"))):
                return
            while True:
                request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = request.split(" ")
                fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
                if visitors.refusal(fields):
                    writer.write(_status(HTTPStatus.FORBIDDEN))
                    return
                headers = {name.lower(): value for name, value in fields}
                body = await _read_body(reader, int(headers.get("content-length", 0)))
                if (method, path) == ("GET", f"{PREFIX}invocation/next"):
                    await self._hand_over(writer)
                elif (method, path) == ("POST", HOLD):
                    with CLOCK.held():
                        writer.write(_status(HTTPStatus.OK))
                        await reader.read()  # up to its end
                    return
                else:
                    writer.write(self._respond(method, path, body))
                    await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.QueueShutDown, ConnectionError):
            pass  # the runtime or the environment has ended
        except (asyncio.LimitOverrunError, ValueError):
            pass  # the function itself connects to this port, and does not speak HTTP
        finally:
            writer.close()

    async def _hand_over(self, writer: asyncio.StreamWriter) -> None:
        """Wait for the next delivery and write it. If the runtime hangs up meanwhile, the delivery stays queued."""
        if not self.initialized.done():
            self.initialized.set_result(None)
        delivery = await self._deliveries.get()
        try:
            if _has_hung_up(writer):
                raise ConnectionResetError
            writer.write(_response(HTTPStatus.OK, delivery.payload, delivery.headers))
            await writer.drain()
        except ConnectionError:
            self._deliveries.put_nowait(delivery)
            raise

    def _respond(self, method: str, path: str, body: bytes) -> bytes:
        match method, path.removeprefix(PREFIX).split("/"):
            case "POST", ["init", "error"]:
                if not self.initialized.done():
                    self.initialized.set_result(body)
                return _status(HTTPStatus.ACCEPTED)
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                current = self._current
                if current is None or current.request_id != request_id or current.answer.done():
                    return _status(HTTPStatus.BAD_REQUEST)
                current.answer.set_result((kind == "error", body))
                return _status(HTTPStatus.ACCEPTED)
        return _status(HTTPStatus.NOT_FOUND)


def _has_hung_up(writer: asyncio.StreamWriter) -> bool:
    """Asks the kernel: the end of the stream may have come, and not be read yet."""
    state = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] != TCP_ESTABLISHED


async def _read_body(reader: asyncio.StreamReader, size: int) -> bytes:
    """Read the body, and keep one byte more than a response may have: that shows that it is too large."""
    body = await reader.readexactly(min(size, MAX_RESPONSE_BYTES + 1))
    rest = size - len(body)
    while rest:
        rest -= len(await reader.readexactly(min(rest, HEAD_LIMIT)))
    return body


@cache
def _status(status: HTTPStatus) -> bytes:
    return _response(status, json.dumps({"status": status.phrase}).encode(), {})


def _response(status: HTTPStatus, body: bytes, headers: dict[str, str]) -> bytes:
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode("latin-1") + body
