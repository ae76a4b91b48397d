"""Connects the process of your code to the debugger of `rollcall dev --debug`, and holds the clock while it is stopped.

launcher.py imports it where the variable ROLLCALL_DEBUGGER says how to join, as JSON: the `port` of debugpy's adapter
on 127.0.0.1 and its `token`; `parent`, the process whose session this one joins; the `folder` to import debugpy from;
and `paths`, pairs of a folder of the user's and what it is called in the function's code. Nothing but the standard
library is imported here at first.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

from rollcall_wall_clock import running_monotonic, running_monotonic_ns

# An editor attaches to a process that it is told of within a second.
ATTACH_SECONDS = 10
# The modules of your code. They are imported in the process that runs it, which the function forks.
YOURS = {"work", "handlers.work"}


def prepare() -> None:
    """Let this process's time stand still with the clock, and its forks join the debugger as they import your code."""
    time.monotonic, time.monotonic_ns = running_monotonic, running_monotonic_ns
    sys.meta_path.insert(0, Entry(os.getpid()))


class Entry:
    """Finds no module: it is asked first for each, and so knows when your code is about to be imported."""

    def __init__(self, function: int) -> None:
        self._function = function

    def find_spec(self, name: str, *_: object) -> None:
        """Join the debugger once, in a process that the function has forked."""
        if name in YOURS and os.getpid() != self._function:
            sys.meta_path.remove(self)
            join(json.loads(os.environ["ROLLCALL_DEBUGGER"]))


def join(debugger: dict[str, Any]) -> None:
    """Connect to the debugger and wait until it has set its breakpoints. Without one, say so and go on."""
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no warning of frozen modules: they are not yours
    sys.path.append(debugger["folder"])
    try:
        import debugpy.server  # noqa: F401  it finds pydevd, which lies within it
        import pydevd
        import pydevd_file_utils
    finally:
        sys.path.remove(debugger["folder"])
    map_paths(pydevd_file_utils, [(yours, os.path.join(root(), theirs)) for yours, theirs in debugger["paths"]])
    take_part(pydevd.PyDB)
    give_up = threading.Timer(ATTACH_SECONDS, go_on, [pydevd])
    give_up.daemon = True
    give_up.start()
    try:
        with held():
            # debugpy.connect would do the same, but cannot show the adapter its token.
            pydevd.settrace(
                "127.0.0.1", port=debugger["port"], access_token=debugger["token"], ppid=debugger["parent"],
                suspend=False, block_until_connected=True, patch_multiprocessing=False,
            )  # fmt: skip
    except (OSError, RuntimeError, SystemExit) as error:
        print(f"no debugger at port {debugger['port']}, so this process goes on without: {error}", file=sys.stderr)
    give_up.cancel()


def go_on(pydevd: Any) -> None:
    """Wait no longer: the debugger has been told of this process, and does not take it."""
    if connection := pydevd.get_global_debugger():
        connection.ready_to_run = True


def take_part(connection: Any) -> None:
    """Hold the clock while the debugger has stopped this process; go on when it is lost. `connection` is PyDB."""
    stop, end = connection.do_wait_suspend, connection.dispose_and_kill_all_pydevd_threads

    def held_stop(*arguments: Any, **named: Any) -> Any:
        with held():
            return stop(*arguments, **named)

    def lost(self: Any, *arguments: Any, **named: Any) -> Any:
        self.ready_to_run = True  # nobody is left who would say so
        return end(self, *arguments, **named)

    connection.do_wait_suspend, connection.dispose_and_kill_all_pydevd_threads = held_stop, lost


def root() -> str:
    return os.environ["LAMBDA_TASK_ROOT"]


def map_paths(utils: Any, pairs: list[tuple[str, str]]) -> None:
    """Translate the user's files to the function's and back, before any mapping that the debugger's client asks for."""
    set_paths = utils.setup_client_server_paths
    utils.setup_client_server_paths = lambda wanted: set_paths([*pairs, *wanted])
    utils.setup_client_server_paths([])


@contextmanager
def held() -> Iterator[None]:
    """Hold the sandbox's clock, as long as this process lives."""
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request("POST", "/rollcall/hold")
        connection.getresponse().read()
        yield
    finally:
        connection.close()
