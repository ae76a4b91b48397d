"""The engine's port: where it listens, whose connections it takes, and which requests it answers."""

import logging
import os
from typing import Any

from localstack import config
from rolo.serving import twisted
from twisted.internet import reactor
from twisted.internet.error import CannotListenError

from sandbox import peers, visitors
from sandbox.engine.bodies import BoundedRequest

LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"


def install() -> None:
    """Bind what the engine listens on to the host of GATEWAY_LISTEN, and guard it.

    The stock engine takes only the port from there and listens on every interface. It also stays alive, deaf, where
    the port is taken.
    """
    listen_tcp = reactor.listenTCP  # type: ignore[attr-defined]
    host = config.GATEWAY_LISTEN[0].host
    allowed = visitors.allowed_hosts()

    class GuardedRequest(BoundedRequest):
        """A request that is refused before any handler of LocalStack's sees it, websockets and HTTP/2 included."""

        refusal: str | None = None

        def gotLength(self, length: int | None) -> None:
            """All headers are here: decide, before the body comes."""
            headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, values in self.requestHeaders.getAllRawHeaders()
                for value in values
            ]
            self.refusal = visitors.refusal(headers, allowed)
            super().gotLength(0 if self.refusal else length)

        def handleContentChunk(self, data: bytes) -> None:
            """A part of the body is here, and of a refused request it is dropped."""
            if not self.refusal:
                super().handleContentChunk(data)

        def process(self) -> None:
            """The whole request is here."""
            if refused := self.refusal or visitors.foreign_target(self.uri.decode("latin-1")):
                self.answer(403, "text/plain; charset=utf-8", f"{refused}\n")
            else:
                super().process()

    # Looked up by name where LocalStack makes its server, after this.
    twisted.TwistedRequestAdapter = GuardedRequest  # type: ignore[misc]

    def listen_on_host(port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        address = interface or host
        if address == LOOPBACK:
            _take_own_connections_only(factory, (address, port))
        try:
            return listen_tcp(port, factory, backlog, address)
        except CannotListenError as reason:
            _end(str(reason))

    reactor.listenTCP = listen_on_host  # type: ignore[attr-defined]


def _take_own_connections_only(factory: Any, here: peers.Address) -> None:
    """Hang up on other users of this machine. In a container, whose port is published, they cannot be told apart."""
    try:
        peers.owner(here, here)
    except OSError as reason:
        _end(f"this system does not say whose a connection is (sock_diag: {reason}): use ENGINE=docker")
    build, strangers = factory.buildProtocol, set[int]()

    def build_for_own(there: Any) -> Any:
        uid = peers.owner((there.host, there.port), here)
        if peers.is_ours(uid):
            return build(there)
        if uid is not None and uid not in strangers:  # once each, or they could fill the disk
            strangers.add(uid)
            LOG.warning("refused: connections of user %s of this machine", uid)
        return None

    factory.buildProtocol = build_for_own


def _end(reason: str) -> None:
    """End the engine. Not by sys.exit: Twisted keeps whatever is raised to itself. Nothing has been started yet."""
    LOG.error("%s", reason)
    os._exit(1)
