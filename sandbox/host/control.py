"""Chooses, starts, finds and stops a sandbox, for the command line and the tests."""

import os
import pwd
import re
import socket
import sys
from collections.abc import Callable

from sandbox import visitors
from sandbox.host import docker, native
from sandbox.settings import DEFAULT_PROJECT
from sandbox.socket_owners import foreign_owner
from sandbox.state import UNKNOWN, Sandbox, SandboxError

ENGINES = {"native": native, "docker": docker}


def choose_engine(requested: str = "auto") -> str:
    """`native` or `docker`: `requested`, else the variable ENGINE, else Docker if it answers.

    Raises SandboxError if the requested engine cannot run on this machine.
    """
    wish = requested if requested != "auto" else os.environ.get("ENGINE") or "auto"
    if wish not in {"auto", *ENGINES}:
        raise SandboxError(f"unknown engine {wish!r}: use ENGINE=auto, ENGINE=native or ENGINE=docker")
    native_works = sys.platform == "linux"
    if wish == "native":
        if native_works:
            return "native"
        raise SandboxError(f"the native engine needs Linux or WSL, this is {sys.platform}: use ENGINE=docker")
    reason = docker.missing()
    if not reason:
        return "docker"
    if wish == "auto" and native_works:
        return "native"
    advice = "start Docker" + (", or use ENGINE=native" if native_works else "")
    raise SandboxError(f"Docker was requested ({wish!r} on {sys.platform}), but {reason}: {advice}")


def port() -> int | None:
    """The port in ROLLCALL_PORT; None if the variable is unset."""
    text = os.environ.get("ROLLCALL_PORT")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SandboxError(f"ROLLCALL_PORT={text!r} is not a port: use a number from 1 to 65535")
    return int(text)


def project() -> str:
    """The sandbox's name in ROLLCALL_PROJECT, else `rollcall`."""
    return _checked(os.environ.get("ROLLCALL_PROJECT") or DEFAULT_PROJECT)


def start(engine: str, port: int, project: str, progress: Callable[[str], None] = lambda _: None) -> Sandbox:
    """Return the project's sandbox, and start it unless it is up; `engine` comes from `choose_engine`.

    Raises SandboxError if the project is up with another engine or port, if the port is taken or belongs to another
    user, or if the engine fails.
    """
    visitors.allowed_hosts()  # before an engine fails on a wrong one
    wanted = Sandbox(engine, port, _checked(project))
    found = running(project)
    if found and found != wanted:
        raise SandboxError(
            f"sandbox {project!r} is up already ({found.engine}, {found.endpoint}), but {engine} on port {port} was "
            f"requested: stop it first (`rollcall down`), or give the new one another ROLLCALL_PROJECT"
        )
    if found and found.healthy():
        _refuse_other_user(port)
        return found
    if found:
        progress(f"sandbox {project!r} is up but does not answer: restarting it")
        stop(project)
    _refuse_taken_port(port)
    started = ENGINES[engine].start(project, port, progress)
    try:
        # Another user may have taken the port since the check, and answers health checks like our engine.
        _refuse_other_user(port)
    except SandboxError:
        stop(project)
        raise
    return started


def find(project: str, port: int | None) -> Sandbox | None:
    """The sandbox to use: this checkout's with that name, or the one at `port` if it is given.

    A sandbox at `port` that is not this checkout's has the engine UNKNOWN. None without such a sandbox and without
    `port`, whatever listens on the usual port. Raises SandboxError if the port belongs to another user.
    """
    found = running(project)
    if port and not (found and found.port == port):
        found = Sandbox(UNKNOWN, port, project)
    if found:
        _refuse_other_user(found.port)
    return found


def running(project: str) -> Sandbox | None:
    """This checkout's sandbox with that name, if its engine's process or container is up."""
    return native.find(_checked(project)) or docker.find(project)


def stop(project: str) -> Sandbox | None:
    """Stop the project's sandbox, with the loss of its state, and return it; None if it was not up."""
    if found := running(project):
        ENGINES[found.engine].stop(project)
    return found


def engine_log(sandbox: Sandbox, lines: int = 50) -> str:
    """The last `lines` lines of the engine's log."""
    return native.tail(sandbox.log, lines) if sandbox.log else docker.logs(sandbox.project, lines)


def _checked(project: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project):
        raise SandboxError(f"ROLLCALL_PROJECT={project!r}: use lower-case letters, digits, - and _, a letter first")
    return project


def _refuse_other_user(port: int) -> None:
    # That user would get items, and requests to run code.
    owner = foreign_owner(port)
    if owner is None:
        return
    try:
        name = f"{pwd.getpwuid(owner).pw_name} (uid {owner})"
    except KeyError:
        name = f"uid {owner}"
    raise SandboxError(
        f"port {port} on 127.0.0.1 belongs to another user, {name}: nothing was sent there. Choose another port with "
        f"ROLLCALL_PORT, or have that user free it"
    )


def _refuse_taken_port(port: int) -> None:
    try:
        # With SO_REUSEADDR, as the engine binds it: closing connections of an earlier engine do not count.
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SandboxError(
            f"port {port} is not free ({reason}): stop the process that listens there, or choose another port with "
            "ROLLCALL_PORT"
        ) from error
