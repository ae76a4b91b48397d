"""HTTP on a connection to a Runtime API, from the function's process or from what that has started."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from sandbox import visitors
from sandbox.executor.failures import MAX_RESPONSE_BYTES
from sandbox.socket_owners import connection_owner, is_ours

TCP_ESTABLISHED = 1  # of the states in linux/tcp.h's enum
READ_SIZE = 65536  # asyncio's own, four times this, has each read map memory and unmap it
HEAD_LIMIT = 2 * 1024 * 1024  # awslambdaric sends up to 1 MiB of stack trace as a header


@dataclass
class RuntimeRequest:
    """A request. Of a body that is too large, what is kept is larger than a response may be, and shows it."""

    method: str = ""
    target: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class RuntimeConnection(asyncio.Protocol):
    """Has each complete request answered, with `send`, at once or later; none of another user, and none of a browser.

    What does not speak HTTP, or comes from another user, ends the connection. `lifetime` is closed with it.
    """

    def __init__(self, answer: Callable[["RuntimeConnection", RuntimeRequest], None]) -> None:
        self.lifetime = ExitStack()
        self._answer = answer
        self._parser = HttpRequestParser(self)
        self._incoming, self._head_bytes = RuntimeRequest(), 0
        self._complete = deque[RuntimeRequest]()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.max_size = READ_SIZE
        ours = False
        try:
            ours = is_ours(connection_owner(transport.get_extra_info("peername"), transport.get_extra_info("sockname")))
        finally:
            if not ours:
                transport.abort()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)  # which calls the `on_` methods
        except (HttpParserError, HttpParserUpgrade):
            self._transport.close()
            return
        while self._complete:
            self._respond(self._complete.popleft())
        if self._head_bytes > HEAD_LIMIT:
            self._transport.close()

    def pause_writing(self) -> None:
        """Read no more requests while the client reads no answers."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self.lifetime.close()

    def on_message_begin(self) -> None:
        self._incoming = RuntimeRequest()

    def on_url(self, part: bytes) -> None:
        self._incoming.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._incoming.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, part: bytes) -> None:
        self._head_bytes = 0
        if len(self._incoming.body) <= MAX_RESPONSE_BYTES:
            self._incoming.body += part

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        self._incoming.method = self._parser.get_method().decode()
        self._complete.append(self._incoming)

    def _respond(self, request: RuntimeRequest) -> None:
        if visitors.refusal(request.headers):
            self.send(HTTPStatus.FORBIDDEN)
            self._transport.close()
        else:
            self._answer(self, request)

    def has_hung_up(self) -> bool:
        """Whether the client has ended the connection. Asks the kernel: the end may have come, and not be read yet."""
        if self._transport.is_closing():
            return True
        state = self._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return state[0] != TCP_ESTABLISHED

    def send(self, status: HTTPStatus, body: bytes | None = None, headers: dict[str, str] | None = None) -> bool:
        """Answer a request; without a `body`, with the status as JSON. False if the connection was found to be lost."""
        content = b'{"status": "%b"}' % status.phrase.encode() if body is None else body
        fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode("latin-1") + content)
        return not self._transport.is_closing()
