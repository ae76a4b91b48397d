"""Lets a debugger in: while it is attached, the functions that run your code join its session.

Each architecture then has one processor, and batches that say nothing else process one item at a time. That is set in
the functions themselves, and taken back when the debugger detaches.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from bootstrap.packaging import ROOT
from bootstrap.problem import Problem
from rollcall.target.connection import Connection

# Where a function's process reads how to join (sandbox/executor/debuggee.py).
VARIABLE = "ROLLCALL_DEBUGGER"
# The values that other variables had before, as JSON.
BEFORE = "ROLLCALL_BEFORE_DEBUGGER"
ONE_ITEM = {"ITEM_CONCURRENCY": "1"}


class Debugger:
    """debugpy, which listens on `port` of 127.0.0.1 as long as this is open. Raises Problem if it cannot."""

    def __init__(self, port: int, work: Path | None):
        self.port = port
        self._work = work
        self._open = ExitStack()
        self._folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-debugpy-"))
        found = find_spec("debugpy")
        if found is None or not found.submodule_search_locations:
            raise Problem("debugpy is not installed", "install the locked packages: `make env`")
        # The functions can import it from here, and nothing else of this environment.
        (Path(self._folder) / "debugpy").symlink_to(found.submodule_search_locations[0])
        # In a session of its own: Ctrl-C is for this command, which then ends it.
        self._root = subprocess.Popen(
            [sys.executable, "-m", "rollcall.target.debug_root", str(port)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        first = self._line()
        if not first or "error" in first:
            self.close()
            why = first["error"] if first else "debugpy has ended"
            raise Problem(f"no debugger can listen on port {port}: {why}", "choose another: --debug-port PORT")
        self._adapter = first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the debugger's session."""
        if self._root.stdin:
            self._root.stdin.close()  # its sign to end
        self._root.wait()
        self._open.close()

    def changes(self) -> Iterator[bool]:
        """Yield True each time that a debugger attaches, and False when it detaches, until this is closed."""
        while (line := self._line()) is not None:
            yield line["attached"]

    def let_in(self, connection: Connection) -> None:
        """Let all processors that are deployed now join the session, unless they do already."""
        paths = [(str(ROOT / "handlers"), "handlers"), *([(str(self._work), "")] if self._work else [])]
        join = {**self._adapter, "parent": self._root.pid, "folder": self._folder, "paths": paths}
        for processor, batcher in functions_of(connection):
            change_variables(connection, processor, {VARIABLE: json.dumps(join, separators=(",", ":"))})
            connection.client("lambda").put_function_concurrency(FunctionName=processor, ReservedConcurrentExecutions=1)
            change_variables(connection, batcher, ONE_ITEM)

    def _line(self) -> dict[str, Any] | None:
        line = self._root.stdout.readline() if self._root.stdout else ""
        return json.loads(line) if line else None


def leave(connection: Connection) -> None:
    """Take back what `let_in` has set, also if it was another command, which was killed."""
    for processor, batcher in functions_of(connection):
        for function in (processor, batcher):
            if restore_variables(connection, function) and function == processor:
                connection.client("lambda").delete_function_concurrency(FunctionName=processor)


def functions_of(connection: Connection) -> Iterator[tuple[str, str]]:
    """The processor and the batcher of each deployed stack."""
    now = Connection(connection.session, connection.suffix, connection.endpoint)  # a deployment may have changed them
    for stack in now.stacks.values():
        if "ProcessorFunctionName" in stack.outputs:  # not in a stack that is being made
            yield stack.outputs["ProcessorFunctionName"], stack.outputs["BatcherFunctionName"]


def change_variables(connection: Connection, function: str, wanted: Mapping[str, str]) -> None:
    """Set variables of a function, and keep the values that they had. No effect if they are set already."""
    variables = variables_of(connection, function)
    if variables.items() >= wanted.items() and BEFORE in variables:
        return
    before = {BEFORE: json.dumps({name: variables.get(name) for name in wanted})}
    update(connection, function, {**before, **variables, **wanted})


def restore_variables(connection: Connection, function: str) -> bool:
    """Set the variables as they were; whether they had been changed."""
    variables = variables_of(connection, function)
    if BEFORE not in variables:
        return False
    variables |= json.loads(variables.pop(BEFORE))
    update(connection, function, {name: value for name, value in variables.items() if value is not None})
    return True


def variables_of(connection: Connection, function: str) -> dict[str, str]:
    configuration = connection.client("lambda").get_function_configuration(FunctionName=function)
    return dict(configuration.get("Environment", {}).get("Variables", {}))


def update(connection: Connection, function: str, variables: Mapping[str, str]) -> None:
    functions = connection.client("lambda")
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": dict(variables)})
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1})
