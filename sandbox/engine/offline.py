"""The engine keeps to itself: it connects to nothing but loopback, and starts no program but its functions'.

LocalStack downloads what some services need (Java, Kinesis, OpenSearch), runs the user's `docker`, and looks up names.
Python tells an audit hook of every such step before it is taken, whoever takes it. What functions do is theirs:
they are processes of their own.
"""

import errno
import ipaddress
import logging
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from localstack.packages.api import PackageException, PackageInstaller
from localstack.utils import platform
from localstack.utils.container_utils.container_client import DockerNotAvailable
from localstack.utils.container_utils.docker_cmd_client import CmdDockerClient

from sandbox.executor.children import PYTHON, WARDEN

WARDENS_COMMAND = [*PYTHON, str(WARDEN)]


def install() -> None:
    """Refuse from now on whatever would leave this process or this machine; nothing can undo it."""
    CmdDockerClient.has_docker = lambda self: False  # type: ignore[assignment]
    CmdDockerClient._docker_cmd = _no_docker  # type: ignore[method-assign]
    PackageInstaller.install = _no_download  # type: ignore[method-assign]
    logging.getLogger("localstack.services.lambda_.hints").addFilter(_without_advice)
    logging.getLogger("localstack.services.lambda_.invocation.lambda_service").addFilter(_without_advice)
    # On Debian it would zip, unzip and delete by the system's programs; elsewhere it does so by itself.
    platform.is_debian = lambda: False  # type: ignore[assignment]
    sys.addaudithook(_audit)


def _no_docker(self: CmdDockerClient) -> list[str]:
    raise DockerNotAvailable("the Rollcall sandbox runs no Docker")


def _no_download(self: PackageInstaller, target: Any = None) -> None:
    raise PackageException(f"the Rollcall sandbox downloads nothing: {self.name} {self.version} is not there")


def _without_advice(record: logging.LogRecord) -> bool:
    """LocalStack takes every function in state Failed, and every image, for one that wants the Docker socket."""
    what, advice, _ = record.getMessage().partition("Please ensure that Docker is available")
    if advice:
        record.msg, record.args = f"{what}Its StateReason, which GetFunction shows, says why.", None
    return "docker" not in record.getMessage().lower()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """https://docs.python.org/3/library/audit_events.html: what is raised here is raised by the audited call."""
    if refuse := _AUDITED.get(event):
        refuse(*arguments)


def _to_address(connection: socket.socket, address: Any) -> None:
    """Connecting or sending somewhere."""
    if connection.family == socket.AF_NETLINK:  # the kernel
        return
    host = address[0] if isinstance(address, tuple) else address
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or not _is_loopback(host):
        raise OSError(errno.ENETUNREACH, f"the Rollcall sandbox connects to nothing but loopback, not to {address!r}")


def _sending(connection: socket.socket, address: Any) -> None:
    if address is not None:  # None: to where it is connected
        _to_address(connection, address)


def _look_up(host: Any, *_: Any) -> None:
    """Asking for the addresses of a name, or for the name of an address."""
    if host is not None and not _is_loopback(host[0] if isinstance(host, tuple) else host):
        raise socket.gaierror(socket.EAI_NONAME, f"the Rollcall sandbox looks up no host name, such as {host!r}")


def _is_loopback(host: Any) -> bool:
    """Whether `host` is an address of loopback, the one that stands for all of this machine's, or `localhost`."""
    if isinstance(host, bytes | bytearray):
        host = host.decode(errors="replace")
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _start_program(program: Any, arguments: Any, *_: Any) -> None:
    if isinstance(arguments, list) and arguments[: len(WARDENS_COMMAND)] == WARDENS_COMMAND:
        return
    raise PermissionError(errno.EACCES, "the Rollcall sandbox starts no program but its functions'", str(program))


def _run_command(command: Any) -> None:
    raise PermissionError(errno.EACCES, "the Rollcall sandbox runs no command", str(command))


_AUDITED: Mapping[str, Callable[..., None]] = {
    "socket.connect": _to_address,
    "socket.sendto": _sending,
    "socket.sendmsg": _sending,
    "socket.getaddrinfo": _look_up,
    "socket.gethostbyname": _look_up,
    "socket.gethostbyaddr": _look_up,
    "socket.getnameinfo": _look_up,
    "subprocess.Popen": _start_program,
    "os.posix_spawn": _start_program,
    "os.exec": _start_program,
    "os.system": _run_command,
}
