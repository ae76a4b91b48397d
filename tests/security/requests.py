"""Requests as an attacker makes a browser send them: every header as given, none added."""

import http.client
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace

type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """One HTTP request; `host` is the whole value of the Host header, `{port}` in it the engine's."""

    method: str = "GET"
    target: str = "/"
    headers: Headers = ()
    body: str = ""
    host: str = "127.0.0.1:{port}"

    def with_headers(self, *headers: tuple[str, str]) -> "Request":
        """The same request with further headers."""
        return replace(self, headers=self.headers + headers)

    def encoded(self, port: int) -> bytes:
        """The bytes on the wire."""
        fields = [("Host", self.host.format(port=port))] if self.host else []
        fields += self.headers
        if self.body:
            fields.append(("Content-Length", str(len(self.body))))
        fields.append(("Connection", "close"))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}\r\n{self.body}".encode()


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


def send(port: int, *requests: Request, tls: bool = False) -> list[Answer]:
    """Send each request on a connection of its own, and read its answer to the end."""
    return [_send(port, request.encoded(port), tls) for request in requests]


def _send(port: int, request: bytes, tls: bool) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        connection = _unverified().wrap_socket(plain) if tls else plain
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return Answer(answer.status, answer.read().decode(errors="replace"))


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def form(fields: Sequence[tuple[str, str]], boundary: str = "rollcall") -> str:
    """A multipart/form-data body."""
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields
    )
    return "".join(parts) + f"--{boundary}--\r\n"
