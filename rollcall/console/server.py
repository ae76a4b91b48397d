"""Serves the console on 127.0.0.1 until Ctrl-C, and leaves its address for other commands."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from bootstrap.problem import Problem
from rollcall.console.app import application
from rollcall.console.arrivals import Arrivals
from rollcall.console.page import Pages
from rollcall.console.security import new_token
from rollcall.console.watch import Watch
from rollcall.target.target import Target

HOST = "127.0.0.1"
USUAL_PORT = 4610
# A thread that waits for messages notices so late that it is to end, and deletes its queue then.
END_SECONDS = 4.0


def listening(port: int | None) -> socket.socket:
    """A socket that listens on 127.0.0.1: on `port`, else on the usual one, else on any. Raises Problem."""
    for wanted in (port,) if port else (USUAL_PORT, 0):
        try:
            return socket.create_server((HOST, wanted))
        except OSError as error:
            if port:
                raise Problem(
                    f"--listen {port}: the port is not free ({os.strerror(error.errno or 0)})",
                    "choose another, or leave it out",
                ) from None
    raise Problem(f"no port of {HOST} is free")


class Server(uvicorn.Server):
    """Ends the pages' streams when it is asked to stop: it would wait for their end."""

    def __init__(self, config: uvicorn.Config, pages: Pages) -> None:
        super().__init__(config)
        self._pages = pages

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal ends the streams, then the server."""
        self._pages.ending = True
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # uvicorn's own type of a frame


def serve(watch: Watch, target: Target, port: int | None, allowed: bool, told: Callable[[str], None]) -> None:
    """Serve the console; `told` gets its URL when it answers. Raises Problem if the port is taken."""
    token = new_token()
    with listening(port) as listener:
        number = listener.getsockname()[1]
        app, pages = application(watch, target, token, number, allowed)
        url = f"http://{HOST}:{number}/?token={token}"
        config = uvicorn.Config(
            app, log_level="warning", lifespan="off", server_header=False, timeout_graceful_shutdown=2, ws="none"
        )
        server = Server(config, pages)
        told(url)
        with kept(watch, allowed):
            server.run(sockets=[listener])


@contextmanager
def kept(watch: Watch, allowed: bool) -> Iterator[None]:
    """Meanwhile keep the history of batches, even if nobody looks: of a sandbox's, because AWS's looks cost money.

    If the console may write, a temporary queue also tells when Batch Finished events arrive.
    """
    arrivals = Arrivals(watch.connection, watch.history)
    threads = []
    if not watch.aws:
        threads.append(threading.Thread(target=watch.keep_history, daemon=True))
    if allowed:
        threads.append(threading.Thread(target=arrivals.listen, daemon=True))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        watch.stop()
        arrivals.stop()
        for thread in threads:
            thread.join(END_SECONDS)


@contextmanager
def announced(place: Path, url: str) -> Iterator[None]:
    """Other commands of this user find the console's URL in the file `place` meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        place.unlink()
    descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"url": url, "pid": os.getpid()}, file)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            place.unlink()
