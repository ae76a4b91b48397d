"""Finds the user at the other end of a loopback connection, in the kernel's own tables.

https://man7.org/linux/man-pages/man7/sock_diag.7.html
"""

import os
import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port id
QUERY = struct.Struct("=BBBxI")  # family, protocol, extensions, states
SOCKET = struct.Struct("!HH16s16s")  # both ports, both addresses
NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any cookie
OWNER = struct.Struct("=II")  # uid, inode
ANSWER_SIZE = 8192

type Address = tuple[str, int]


def is_ours(uid: int | None) -> bool:
    """Whether this is the user who runs this process, or root."""
    return uid in (os.geteuid(), 0)


def owner(local: Address, remote: Address) -> int | None:
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
