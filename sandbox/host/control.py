"""Choosing, starting, finding and stopping a sandbox: what the command line and the tests use."""

import os
import pwd
import re
import socket
import sys
from collections.abc import Callable

from sandbox import visitors
from sandbox.host import docker, native
from sandbox.host.listeners import foreign_owner
from sandbox.settings import DEFAULT_PROJECT
from sandbox.state import UNKNOWN, Sandbox, SandboxError

__all__ = [
    "Sandbox", "SandboxError", "choose_engine", "engine_log", "find", "port", "project", "running", "start", "stop",
]  # fmt: skip

ENGINES = {"native": native, "docker": docker}


def choose_engine(requested: str = "auto") -> str:
    """`native` or `docker`: what is asked for here, else in ENGINE, else Docker where it answers.

    Raises SandboxError if the engine asked for cannot run on this machine.
    """
    wish = requested if requested != "auto" else os.environ.get("ENGINE") or "auto"
    if wish not in {"auto", *ENGINES}:
        raise SandboxError(f"unknown engine {wish!r}: use ENGINE=auto, ENGINE=native or ENGINE=docker")
    native_works = sys.platform == "linux"
    if wish == "native" and native_works:
        return "native"
    if wish == "native":
        raise SandboxError(f"the native engine needs Linux or WSL, this is {sys.platform}: use ENGINE=docker")
    lacking = docker.missing()
    if not lacking:
        return "docker"
    if wish == "auto" and native_works:
        return "native"
    advice = "start Docker" + (", or use ENGINE=native" if native_works else "")
    raise SandboxError(f"Docker was asked for ({wish!r} on {sys.platform}), but {lacking}: {advice}")


def port() -> int | None:
    """The port asked for in ROLLCALL_PORT, if one is."""
    text = os.environ.get("ROLLCALL_PORT")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise SandboxError(f"ROLLCALL_PORT={text!r} is not a port: use a number from 1 to 65535")
    return int(text)


def project() -> str:
    """The sandbox's name asked for in ROLLCALL_PROJECT, else `rollcall`."""
    return _checked(os.environ.get("ROLLCALL_PROJECT") or DEFAULT_PROJECT)


def start(engine: str, port: int, project: str, progress: Callable[[str], None] = lambda line: None) -> Sandbox:
    """Return the project's sandbox, started unless it is already up; `engine` as `choose_engine` returns it.

    Raises SandboxError if the project is up otherwise than asked for, if the port is taken or another user's, or if the
    engine fails.
    """
    visitors.allowed_hosts()  # before an engine fails on a wrong one
    wanted = Sandbox(engine, port, _checked(project))
    found = running(project)
    if found and found != wanted:
        raise SandboxError(
            f"sandbox {project!r} is up already ({found.engine}, {found.endpoint}), but {engine} on port {port} was "
            f"asked for: stop it first (`rollcall down`), or give the new one another ROLLCALL_PROJECT"
        )
    if found and found.healthy():
        _refuse_strangers(port)
        return found
    if found:
        progress(f"sandbox {project!r} is up but does not answer: restarting it")
        stop(project)
    _refuse_taken_port(port)
    started = ENGINES[engine].start(project, port, progress)
    try:
        # Who took the port between the two answers health checks as well as ours.
        _refuse_strangers(port)
    except SandboxError:
        stop(project)
        raise
    return started


def find(project: str, port: int | None) -> Sandbox | None:
    """The sandbox to use: this checkout's of that name; or what is at `port`, if one was asked for.

    The latter has the engine UNKNOWN where it is not the former. None if there is no such sandbox and no port was asked
    for, whatever listens on the usual one. Raises SandboxError if the port is another user's.
    """
    found = running(project)
    if port and not (found and found.port == port):
        found = Sandbox(UNKNOWN, port, project)
    if found:
        _refuse_strangers(found.port)
    return found


def running(project: str) -> Sandbox | None:
    """This checkout's sandbox of that name, if its engine's process or container is up."""
    return native.find(_checked(project)) or docker.find(project)


def stop(project: str) -> Sandbox | None:
    """Stop the project's sandbox and return what was stopped; None if nothing was up.

    Everything in it is gone: an engine keeps its state in memory.
    """
    found = running(project)
    if found:
        ENGINES[found.engine].stop(project)
    return found


def engine_log(sandbox: Sandbox, lines: int = 50) -> str:
    """The last `lines` lines the engine wrote."""
    return native.tail(sandbox.log, lines) if sandbox.log else docker.logs(sandbox.project, lines)


def _checked(project: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project):
        raise SandboxError(f"ROLLCALL_PROJECT={project!r}: use lower-case letters, digits, - and _, a letter first")
    return project


def _refuse_strangers(port: int) -> None:
    # Whoever may listen there would be given items, and asked to run code.
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
    with socket.socket() as probe:
        # As the engine itself does: connections of an earlier one that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as reason:
            raise SandboxError(
                f"port {port} is not free ({reason.strerror}): stop what listens there, or choose another port "
                f"with ROLLCALL_PORT"
            ) from reason
