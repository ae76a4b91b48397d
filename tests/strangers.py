"""Another user of the machine, who listens where a sandbox is looked for."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

UID = 65534

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")


@contextmanager
def listening(
    address: str = "127.0.0.1", port: int = 0, uid: int = UID, only_ipv6: bool = False
) -> Iterator[socket.socket]:
    """A socket of that user's that listens; the kernel keeps who made it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with made_by(uid, family) as listener:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_ipv6)
        listener.bind((address, port))
        listener.listen()
        yield listener


@contextmanager
def connected(listener: socket.socket) -> Iterator[socket.socket]:
    """A socket of that user's that is connected to the listener."""
    with made_by(UID, listener.family) as connection:
        connection.connect(listener.getsockname())
        yield connection


def made_by(uid: int, family: socket.AddressFamily | int) -> socket.socket:
    """A socket that the kernel takes for that user's."""
    os.seteuid(uid)
    try:
        return socket.socket(family)
    finally:
        os.seteuid(0)


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def assert_nobody_came(listener: socket.socket) -> None:
    """Nothing was sent there: not even a connection was made."""
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
