"""The engine listens on the address it was given, and ends if it cannot."""

import logging
import os
from typing import Any

from localstack import config
from twisted.internet import reactor
from twisted.internet.error import CannotListenError

LOG = logging.getLogger(__name__)


def install() -> None:
    """Bind what the engine listens on to the host of GATEWAY_LISTEN.

    The stock engine takes only the port from there and listens on every interface. It also stays alive, deaf, where
    the port is taken.
    """
    listen_tcp = reactor.listenTCP  # type: ignore[attr-defined]
    host = config.GATEWAY_LISTEN[0].host

    def listen_on_host(port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        try:
            return listen_tcp(port, factory, backlog, interface or host)
        except CannotListenError as reason:
            LOG.error("%s", reason)
            # Not sys.exit: Twisted keeps whatever is raised here to itself. Nothing has been started yet.
            os._exit(1)

    reactor.listenTCP = listen_on_host  # type: ignore[attr-defined]
