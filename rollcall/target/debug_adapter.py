"""debugpy's adapter, with which an editor speaks, closed to web pages.

It takes the headers of an HTTP request for those of its own protocol, and so the body for a message: any page that a
browser shows could send it one.
"""

import runpy
import socket
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from debugpy.common import sockets

HEADER = b"Content-Length:"
SECONDS = 10


def program(folder: Path) -> Path:
    """Write what debugpy is to start in the place of Python, with the adapter's folder and options behind it."""
    path = folder / "debug-adapter"
    path.write_text(f"#!{sys.executable}\nfrom {__name__} import main\nmain()\n")
    path.chmod(stat.S_IRWXU)
    return path


def main() -> None:
    """Carry out the adapter that the command line names."""
    stock: Callable[..., socket.socket] = sockets.serve

    def serve(name: str, handler: Callable[[socket.socket], Any], *arguments: Any, **named: Any) -> socket.socket:
        # The other connections are those of processes, which show the adapter's token.
        return stock(name, guarded(handler) if name == "Client" else handler, *arguments, **named)

    sockets.serve = serve
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


def guarded(handler: Callable[[socket.socket], Any]) -> Callable[[socket.socket], Any]:
    """`handler` for those connections only that begin with the header of the debugger's protocol."""
    one_at_a_time = threading.Lock()

    def look(connection: socket.socket) -> None:
        first = b""
        with suppress(OSError):
            connection.settimeout(SECONDS)
            first = connection.recv(len(HEADER), socket.MSG_PEEK)
        if not first or not HEADER.startswith(first):
            connection.close()
            return
        with one_at_a_time:
            handler(connection)

    return lambda connection: threading.Thread(target=look, args=[connection], daemon=True).start()
