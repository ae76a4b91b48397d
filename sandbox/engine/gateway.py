"""The engine's port: the interface that it listens on, and the users whose connections it takes."""

import logging
import os
from typing import Any

from localstack import config
from rolo.serving import twisted
from twisted.internet import reactor
from twisted.internet.error import CannotListenError

from sandbox import socket_owners, visitors
from sandbox.engine.http_requests import GuardedRequest

LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"


def install() -> None:
    """Make the engine listen on the host of GATEWAY_LISTEN only, and guard its port.

    Stock takes only the port from there and listens on every interface. If the port is taken, it runs on and answers
    nothing.
    """
    listen_tcp = reactor.listenTCP  # type: ignore[attr-defined]
    host = config.GATEWAY_LISTEN[0].host
    GuardedRequest.allowed = visitors.allowed_hosts()
    # LocalStack looks this name up when it makes its server, after this.
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


def _take_own_connections_only(factory: Any, here: socket_owners.Address) -> None:
    """Hang up on other users of this machine. A container cannot tell them apart, because its port is published."""
    try:
        socket_owners.connection_owner(here, here)
    except OSError as reason:
        _end(f"this system does not tell the owner of a connection (sock_diag: {reason}): use ENGINE=docker")
    build, reported_users = factory.buildProtocol, set[int]()

    def build_for_own(there: Any) -> Any:
        uid = socket_owners.connection_owner((there.host, there.port), here)
        if socket_owners.is_ours(uid):
            return build(there)
        if uid is not None and uid not in reported_users:  # one line for each user, or they could fill the disk
            reported_users.add(uid)
            LOG.warning("refused: connections of user %s of this machine", uid)
        return None

    factory.buildProtocol = build_for_own


def _end(reason: str) -> None:
    """End the engine, which has not started anything yet. Not by sys.exit: Twisted would catch its exception."""
    LOG.error("%s", reason)
    os._exit(1)
