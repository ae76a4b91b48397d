"""The engine's port: the interface that it listens on, and the users whose connections it takes.

A connection has a thread of its own, which reads a request, carries it out and answers it. So no request passes from
thread to thread, which would cost more than reading and answering it.
"""

import logging
import os
import socket
import ssl
import threading
import time
from typing import Any, NoReturn

from localstack import config
from localstack.runtime.runtime import LocalstackRuntime
from localstack.runtime.server.core import RuntimeServer
from localstack.utils.patch import patch

from sandbox import socket_owners, visitors
from sandbox.engine.server_connection import Connection

LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
BACKLOG = 1024
LOOK_SECONDS = 0.05
TLS_HANDSHAKE = b"\x16"


def install() -> None:
    """Make LocalStack serve its gateway here. Its own server listens on every interface."""

    @patch(LocalstackRuntime._init_gateway_server)
    def init_gateway_server(_stock: Any, self: LocalstackRuntime) -> None:
        [address] = config.GATEWAY_LISTEN
        self.components.runtime_server = Server(self.components.gateway, address.host, address.port)


class Server(RuntimeServer):
    """Listens from the start on, and answers while `run` runs. Ends the engine with a message if the port is taken."""

    def __init__(self, gateway: Any, host: str, port: int) -> None:
        self.gateway = gateway
        self.allowed = visitors.allowed_hosts()
        self.answering = set[Connection]()
        """Those whose request is carried out now."""
        self._reported_users = set[int]()
        self._stopping = False
        self._tls: ssl.SSLContext | None = None
        self._tls_lock = threading.Lock()
        try:
            self._listener = socket.create_server((host, port), backlog=BACKLOG)
        except OSError as reason:
            _end(f"cannot listen on {host}:{port}: {reason.strerror}")
        self.address: socket_owners.Address = self._listener.getsockname()
        # A container cannot tell the users of its machine apart, because its port is published.
        self._takes_everyone = host != LOOPBACK
        try:
            socket_owners.connection_owner(self.address, self.address)
        except OSError as reason:
            if not self._takes_everyone:
                _end(f"this system does not tell the owner of a connection (sock_diag: {reason}): use ENGINE=docker")

    def run(self) -> None:
        """Take connections until `shutdown`, and let the requests end that are carried out then."""
        while not self._stopping:
            try:
                client, address = self._listener.accept()
                self._take(client, address)
            except (OSError, RuntimeError) as reason:  # too many open files, or threads; or `shutdown`
                if not self._stopping:
                    LOG.warning("a connection was not taken: %s", reason)
                    time.sleep(LOOK_SECONDS)
        self._listener.close()
        while self.answering:
            time.sleep(LOOK_SECONDS)

    def shutdown(self) -> None:
        """Make `run` end."""
        self._stopping = True
        self._listener.shutdown(socket.SHUT_RDWR)

    def _take(self, client: socket.socket, address: socket_owners.Address) -> None:
        """Serve the connection in a thread of its own, or hang up on other users of this machine."""
        if self._takes_everyone or self._is_ours(address):
            threading.Thread(target=self._serve, args=(client, address), name="connection", daemon=True).start()
        else:
            client.close()

    def _is_ours(self, there: socket_owners.Address) -> bool:
        """Whether the client is of this user, or root's."""
        uid = socket_owners.connection_owner(there, self.address)
        if socket_owners.is_ours(uid):
            return True
        if uid is not None and uid not in self._reported_users:  # one line for each user, or they could fill the disk
            self._reported_users.add(uid)
            LOG.warning("refused: connections of user %s of this machine", uid)
        return False

    def _serve(self, client: socket.socket, address: socket_owners.Address) -> None:
        """Serve a connection until it is closed."""
        try:
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if client.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
                    with self._tls_context().wrap_socket(client, server_side=True) as encrypted:
                        Connection(encrypted, address, self).serve()
                else:
                    Connection(client, address, self).serve()
        except OSError:
            pass  # the client has hung up

    def _tls_context(self) -> ssl.SSLContext:
        """With a certificate of LocalStack's own, which the first client waits for: most engines never have one."""
        with self._tls_lock:
            if self._tls is None:
                from localstack.utils.ssl import create_ssl_cert

                _, certificate, key = create_ssl_cert(serial_number=self.address[1])
                self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._tls.load_cert_chain(certificate, key)
            return self._tls


def _end(reason: str) -> NoReturn:
    """End the engine, which has not answered anything yet, although threads of LocalStack's run already."""
    LOG.error("%s", reason)
    os._exit(1)
