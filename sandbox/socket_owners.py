"""Finds the users who own the sockets of loopback connections, in the kernel's own tables.

https://man7.org/linux/man-pages/man7/sock_diag.7.html
"""

import os
import socket
import struct
from pathlib import Path

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port id
QUERY = struct.Struct("=BBBxI")  # family, protocol, extensions, states
SOCKET = struct.Struct("!HH16s16s")  # both ports, both addresses
NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any cookie
OWNER = struct.Struct("=II")  # uid, inode
ANSWER_SIZE = 8192

LISTENING = "0A"
# The kernel writes an address as words of 32 bits in this machine's byte order, in tcp6 four of them.
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "7F000001", "00000000000000000000FFFF7F000001"}
EVERY_IPV4 = {"00000000", "0000000000000000FFFF000000000000", "00000000000000000000FFFF00000000"}
EVERY_IPV6 = {"0" * 32}

type Address = tuple[str, int]


def is_ours(uid: int | None) -> bool:
    """Whether this is the user who runs this process, or root."""
    return uid in (os.geteuid(), 0)


def connection_owner(local: Address, remote: Address) -> int | None:
    """Uid of the process that holds the IPv4 TCP socket from `local` to `remote`; None if no process holds it.

    No process holds a socket that was closed, although the kernel then names root as its owner.
    """
    identity = SOCKET.pack(local[1], remote[1], _padded(local[0]), _padded(remote[0]))
    question = QUERY.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + identity + NO_COOKIE
    header = HEADER.pack(HEADER.size + len(question), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(header + question)
        answer = kernel.recv(ANSWER_SIZE)
    _, kind, *_ = HEADER.unpack_from(answer)
    # For a socket that is gone the kernel answers with an error, or with the listener of its port if there is one.
    found = answer[HEADER.size + 4 : HEADER.size + 4 + SOCKET.size]
    if kind != SOCK_DIAG_BY_FAMILY or found != identity:
        return None
    uid, inode = OWNER.unpack_from(answer, HEADER.size + 4 + SOCKET.size + len(NO_COOKIE) + 12)
    return uid if inode else None


def _padded(address: str) -> bytes:
    return socket.inet_aton(address).ljust(16, b"\0")


def foreign_owner(port: int) -> int | None:
    """The uid of the user who listens on 127.0.0.1:`port`, unless it is our own or root's; then None.

    None also if the kernel lists no listener: nothing listens, or a firewall rule forwards the port to a container, or
    this is not Linux.
    """
    listening = [entry for table in ("tcp", "tcp6") for entry in _listening(Path("/proc/net", table), port)]
    # The kernel prefers the more specific address, and of two wildcard addresses the one for IPv4.
    for addresses in (LOOPBACK, EVERY_IPV4, EVERY_IPV6):
        owners = {uid for address, uid in listening if address in addresses}
        if owners:
            return next(iter(sorted(owners - {0, os.getuid()})), None)
    return None


def _listening(table: Path, port: int) -> list[tuple[str, int]]:
    """The addresses that listen on `port`, with their uids."""
    try:
        rows = [row.split() for row in table.read_text().splitlines()[1:]]
    except FileNotFoundError:
        return []
    # Columns: number, local address, remote address, state, queues, timer, retransmits, uid.
    found = [(row[1].partition(":"), int(row[7])) for row in rows if row[3] == LISTENING]
    return [(address, uid) for (address, _, number), uid in found if int(number, 16) == port]
