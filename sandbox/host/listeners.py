"""Finds the user whose socket a connection to a port of 127.0.0.1 reaches, in the kernel's own tables."""

import os
from pathlib import Path

LISTENING = "0A"
# The kernel writes an address as words of 32 bits in this machine's byte order, in tcp6 four of them.
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "7F000001", "00000000000000000000FFFF7F000001"}
EVERY_IPV4 = {"00000000", "0000000000000000FFFF000000000000", "00000000000000000000FFFF00000000"}
EVERY_IPV6 = {"0" * 32}


def foreign_owner(port: int) -> int | None:
    """The user id behind 127.0.0.1:`port`, unless it is our own or root's; then None.

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
    try:
        rows = table.read_text().splitlines()[1:]
    except FileNotFoundError:
        return []
    found = []
    for row in rows:
        _, local, _, state, _, _, _, uid, *_ = row.split()
        address, _, number = local.partition(":")
        if state == LISTENING and int(number, 16) == port:
            found.append((address, int(uid)))
    return found
