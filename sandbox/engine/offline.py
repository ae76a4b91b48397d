"""The engine connects to nothing but loopback, and starts no program but its functions' and the one that unzips them.

LocalStack downloads programs for some services (Java, Kinesis, OpenSearch), runs the user's `docker`, and looks up
names. Python reports every such step to an audit hook before it takes the step, wherever the code is. Functions are
processes of their own, so they may do all of it.
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

from sandbox.executor.children import LAUNCHER, PYTHON, UNZIP

ALLOWED = ([*PYTHON, str(LAUNCHER)], UNZIP)
"""The beginnings of the commands that may be started."""


def install() -> None:
    """Refuse every connection and program that leaves this process or machine. Nothing can undo it."""
    CmdDockerClient.has_docker = lambda _: False  # type: ignore[assignment]
    CmdDockerClient._docker_cmd = _no_docker  # type: ignore[method-assign,assignment]
    PackageInstaller.install = _no_download  # type: ignore[method-assign,assignment]
    for module in ("hints", "invocation.lambda_service"):
        logging.getLogger(f"localstack.services.lambda_.{module}").addFilter(_without_advice)
    # On Debian LocalStack zips, unzips and deletes with the system's programs, elsewhere in Python.
    platform.is_debian = lambda: False  # type: ignore[assignment]
    sys.addaudithook(_audit)


def _no_docker(_: CmdDockerClient) -> list[str]:
    raise DockerNotAvailable("the Rollcall sandbox runs no Docker")


def _no_download(self: PackageInstaller, _target: Any = None) -> None:
    raise PackageException(f"the Rollcall sandbox downloads nothing: {self.name} {self.version} is not there")


def _without_advice(record: logging.LogRecord) -> bool:
    """Stock advises to mount the Docker socket whenever a function is in state Failed, or has an image."""
    cause, advice, _ = record.getMessage().partition("Please ensure that Docker is available")
    if advice:
        record.msg, record.args = f"{cause}Its StateReason, which GetFunction shows, says why.", None
    return "docker" not in record.getMessage().lower()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Call the check of an audited event. An exception that it raises is raised by the audited call.

    https://docs.python.org/3/library/audit_events.html
    """
    if refuse := _AUDITED.get(event):
        refuse(*arguments)


def _connect_or_send(connection: socket.socket, address: Any) -> None:
    # The address is None for a send on a connected socket; a netlink socket connects to the kernel.
    if address is None or connection.family == socket.AF_NETLINK:
        return
    host = address[0] if isinstance(address, tuple) else address
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or not _is_loopback(host):
        raise OSError(errno.ENETUNREACH, f"the Rollcall sandbox connects to nothing but loopback, not to {address!r}")


def _look_up(host: Any, *_: Any) -> None:
    """A look-up of the addresses of a name, or of the name of an address."""
    if host is not None and not _is_loopback(host[0] if isinstance(host, tuple) else host):
        raise socket.gaierror(socket.EAI_NONAME, f"the Rollcall sandbox looks up no host name, such as {host!r}")


def _is_loopback(host: Any) -> bool:
    """Whether `host` is a loopback address, the one for all addresses of this machine, or `localhost`."""
    if isinstance(host, bytes | bytearray):
        host = host.decode(errors="replace")
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _start_program(program: Any, arguments: Any = None, *_: Any) -> None:
    if isinstance(arguments, list) and any(arguments[: len(command)] == command for command in ALLOWED):
        return
    raise PermissionError(errno.EACCES, "the Rollcall sandbox starts no program but its functions'", str(program))


_AUDITED: Mapping[str, Callable[..., None]] = {
    **dict.fromkeys(("socket.connect", "socket.sendto", "socket.sendmsg"), _connect_or_send),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), _look_up),
    "socket.getnameinfo": _look_up,
    **dict.fromkeys(("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system"), _start_program),
}
