"""HTTP/1.1 on one connection: each request goes to LocalStack's gateway on the connection's own thread."""

import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.handlers import format_date_time

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from localstack.http import Response
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Request

from sandbox.engine.http_requests import IncomingRequest
from sandbox.faults.hangs import CONNECTION

LOG = logging.getLogger(__name__)

RECEIVE_BYTES = 65_536
HEAD_BYTES = 131_072
"""Of a request's line and headers: a call of SQS by GET has its message in there. AWS takes less."""


class Connection:
    """A client's connection. `serve` returns when it is closed."""

    def __init__(self, client: socket.socket, address: tuple[str, int], server: Any) -> None:
        self._socket, self._address, self._server = client, address, server
        self._parser = HttpRequestParser(self)
        self._incoming = IncomingRequest()
        self._complete = deque[IncomingRequest]()
        self._scheme = "https" if isinstance(client, ssl.SSLSocket) else "http"
        self._target = b""
        self._head_bytes = 0  # that came before the headers were complete

    def serve(self) -> None:
        """Answer one request after the other, until the client or an answer ends the connection."""
        open_ = True
        while open_ and (data := self._socket.recv(RECEIVE_BYTES)):
            bad = self._parse(data)
            while open_ and self._complete:
                open_ = self._answer(self._complete.popleft())
            if open_ and bad:
                self._say(bad, "text/plain; charset=utf-8", f"{bad}\n", keep_alive=False)
                open_ = False

    def _parse(self, data: bytes) -> str | None:
        """Feed the parser, which calls the `on_` methods. Returns the status if this is no request that we take."""
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for another protocol, and ends the connection
        except HttpParserCallbackError:
            LOG.exception("a request could not be read")
            return "500 Internal Server Error"
        except HttpParserError:
            return "400 Bad Request"
        return "431 Request Header Fields Too Large" if self._head_bytes > HEAD_BYTES else None

    def on_message_begin(self) -> None:
        self._incoming, self._target = IncomingRequest(), b""

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._incoming.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._incoming.method = self._parser.get_method().decode()
        self._incoming.target = self._target.decode(errors="replace")
        self._incoming.version = self._parser.get_http_version()
        if self._incoming.begin_body(self._server.allowed):
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._head_bytes = 0
        self._incoming.add_body(part)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        self._incoming.keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._complete.append(self._incoming)

    def _answer(self, incoming: IncomingRequest) -> bool:
        """Answer a complete request; return whether the connection stays open."""
        if refused := incoming.refusal():
            return self._say(*refused, keep_alive=incoming.keep_alive)
        request, response = self._request(incoming), Response()
        self._server.answering.add(self)
        try:
            with incoming.body:
                self._server.gateway.process(request, response)
                return self._respond(incoming, *response.get_wsgi_response(request.environ))
        finally:
            self._server.answering.discard(self)

    def _say(self, status: str, content_type: str, text: str, keep_alive: bool) -> bool:
        """Answer in LocalStack's place; return whether the connection stays open."""
        ending = "" if keep_alive else "Connection: close\r\n"
        body = text.encode()
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            f"X-Content-Type-Options: nosniff\r\n{ending}\r\n"
        )
        self._socket.sendall(head.encode() + body)
        return keep_alive

    def _request(self, incoming: IncomingRequest) -> Request:
        """The request as LocalStack wants it."""
        raw_path, _, query = incoming.target.partition("?")
        host, port = self._server.address
        environ = {
            "REQUEST_METHOD": incoming.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
            "QUERY_STRING": query.encode().decode("latin-1"),
            "RAW_URI": incoming.target,
            "REQUEST_URI": incoming.target,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": f"HTTP/{incoming.version}",
            "REMOTE_ADDR": self._address[0],
            "REMOTE_PORT": str(self._address[1]),
            "CONTENT_TYPE": incoming.fields.get("content-type", ""),  # without it werkzeug parses no form
            "CONTENT_LENGTH": str(incoming.received),
            "wsgi.url_scheme": self._scheme,
            "wsgi.input": incoming.body,
            "wsgi.input_terminated": True,
            CONNECTION: self._socket,
        }
        request = Request(environ)
        request.headers = Headers(incoming.headers)  # werkzeug's own lack their case, and cannot be changed
        return request

    def _respond(
        self, incoming: IncomingRequest, parts: Iterable[bytes], status: str, headers: list[tuple[str, str]]
    ) -> bool:
        """Send an answer, in chunks if it has no length; return whether the connection stays open."""
        names = {name.lower() for name, _ in headers}
        sized = "content-length" in names or incoming.method == "HEAD" or status[:3] in {"204", "304"}
        chunked = not sized and incoming.version == "1.1"
        keep_alive = incoming.keep_alive and (sized or chunked)
        head = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        if "date" not in names:
            head.append(f"Date: {format_date_time(time.time())}")
        if chunked and "transfer-encoding" not in names:
            head.append("Transfer-Encoding: chunked")
        if not keep_alive:
            head.append("Connection: close")
        unsent = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        try:
            for part in parts:
                framed = b"%x\r\n%b\r\n" % (len(part), part) if chunked and part else part
                self._socket.sendall(unsent + framed)
                unsent = b""
        finally:
            getattr(parts, "close", bool)()
        if unsent or chunked:
            self._socket.sendall(unsent + (b"0\r\n\r\n" if chunked else b""))
        return keep_alive
