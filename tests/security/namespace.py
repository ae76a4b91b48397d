"""A network namespace from which nothing can leave, and a watch on whatever tries to."""

import ctypes
import fcntl
import os
import socket
import struct
from threading import Thread

SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCADDRT = 0x8913, 0x8914, 0x890B
IFF_UP = RTF_UP = 1
ETH_P_IP = 0x0800
DNS = 53


class Route(ctypes.Structure):
    """The kernel's `struct rtentry`; a `struct sockaddr` in it is a family and 14 bytes."""

    _fields_ = (
        ("pad1", ctypes.c_ulong),
        ("destination", ctypes.c_byte * 16),
        ("gateway", ctypes.c_byte * 16),
        ("mask", ctypes.c_byte * 16),
        ("flags", ctypes.c_ushort),
        ("pad2", ctypes.c_short),
        ("pad3", ctypes.c_ulong),
        ("pad4", ctypes.c_void_p),
        ("metric", ctypes.c_short),
        ("device", ctypes.c_char_p),
        ("mtu", ctypes.c_ulong),
        ("window", ctypes.c_ulong),
        ("irtt", ctypes.c_ushort),
    )


def enter() -> None:
    """Put this process into a namespace whose one interface, `lo`, has the route to every IPv4 address.

    So a packet for another machine is seen on `lo`, and nobody answers it. Raises OSError where that is forbidden:
    it takes root, or a kernel that gives users namespaces of their own.
    """
    if os.geteuid() == 0:
        os.unshare(os.CLONE_NEWNET)
    else:
        user = os.geteuid()
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
        with open("/proc/self/uid_map", "w") as mapping:
            mapping.write(f"{user} {user} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        _, flags = struct.unpack("16sH14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
        anywhere = (ctypes.c_byte * 16).from_buffer_copy(struct.pack("H14x", socket.AF_INET))
        route = Route(destination=anywhere, gateway=anywhere, mask=anywhere, flags=RTF_UP, device=b"lo")
        fcntl.ioctl(control, SIOCADDRT, bytes(route))


class Watch(Thread):
    """Notes every packet on `lo` that is for another machine, or for a name server, wherever that is."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._socket.bind(("lo", ETH_P_IP))

    def run(self) -> None:
        while packet := self._socket.recv(2048):
            header = (packet[0] & 15) * 4
            address, port = socket.inet_ntoa(packet[16:20]), int.from_bytes(packet[header + 2 : header + 4])
            if not address.startswith("127.") or port == DNS:
                self.seen.add(f"{address}:{port}")
