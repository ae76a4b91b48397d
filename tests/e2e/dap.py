"""A client of the Debug Adapter Protocol, as an editor is one.

https://microsoft.github.io/debug-adapter-protocol/specification
"""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.probes import eventually

type Message = dict[str, Any]


class DapClient:
    """One connection to a debug adapter on 127.0.0.1; `heard` has all that it has said."""

    def __init__(self, port: int):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self.heard: list[Message] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)  # to close it is not enough while `_listen` reads from it
        self._socket.close()

    def _listen(self) -> None:
        try:
            while line := self._stream.readline():
                size = int(line.removeprefix(b"Content-Length:"))
                while self._stream.readline().strip():
                    pass
                self.heard.append(json.loads(self._stream.read(size)))
        except (OSError, ValueError):
            return  # this end was closed

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; returns its number."""
        self._sent += 1
        request = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self._sent

    def ask(self, command: str, **arguments: Any) -> Message:
        """Send a request; returns the body of its response."""
        number = self.send(command, **arguments)
        response = self.wait(lambda heard: heard["type"] == "response" and heard["request_seq"] == number)
        assert response["success"], response
        return response.get("body", {})

    def event(self, name: str, number: int = 0) -> Message:
        """Wait for an event of this name, the first or a later one; returns its body."""
        return self.wait(lambda heard: heard["type"] == "event" and heard["event"] == name, number).get("body", {})

    def wait(self, wanted: Callable[[Message], bool], number: int = 0) -> Message:
        """Wait for the message of this number among those that are wanted."""

        def find() -> Message:
            found = [heard for heard in list(self.heard) if wanted(heard)]
            assert len(found) > number, [heard.get("event", heard.get("command")) for heard in list(self.heard)]
            return found[number]

        return eventually(find)

    def attach(self, lines: dict[Path, list[int]], **configuration: Any) -> None:
        """Begin a session with breakpoints in these lines of files."""
        self.ask("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True, columnsStartAt1=True)
        number = self.send("attach", **configuration)
        self.event("initialized")
        for path, numbers in lines.items():
            self.breakpoints(path, numbers)
        self.ask("configurationDone")
        self.wait(lambda heard: heard["type"] == "response" and heard["request_seq"] == number)

    def breakpoints(self, path: Path, lines: list[int]) -> None:
        """Set the breakpoints of a file, in place of those that it had."""
        self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": line} for line in lines])
