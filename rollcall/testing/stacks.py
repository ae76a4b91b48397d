"""The sandbox of a test run, and in it stacks that run the work for its tests alone."""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest

from bootstrap.packaging import package
from bootstrap.stacks import find_stack, outputs_of
from bootstrap.work.own_resources import STACK, variable_of
from bootstrap.work.work import read_work
from rollcall.api.sandbox import Sandbox
from rollcall.target.connection import Stack
from rollcall.terminal.errors import EXPECTED, explained
from sandbox.host import control
from sandbox.state import state_folder

# Over what rollcall.toml says: an item that fails is tried again at once, nothing runs by itself, results are kept.
PARAMETERS = {"RetryDelaySeconds": "0", "CheckIntervalSeconds": "2", "ScheduleState": "DISABLED"}

type Tell = Callable[[str], None]


def start_sandbox(folder: Path, tell: Tell) -> Sandbox:
    """The sandbox with the suffix of the folder's tests. Fails the test if none can be started."""
    project = control.project()
    try:
        if not control.running(project):
            tell("starting the sandbox; it stays, until `rollcall down`")
        # Of several workers that start it one does, and the others find it.
        with locked(project, "starting"):
            return Sandbox.start(suffix=suffix_of(folder), progress=tell)
    except EXPECTED as error:
        raise failed(error) from None


def suffix_of(folder: Path) -> str:
    """The suffix of the stacks for the tests of a folder: each folder has its own, and each ROLLCALL_SUFFIX."""
    named = f"{folder} {os.environ.get('ROLLCALL_SUFFIX', '')}"
    return f"Test{sha256(named.encode()).hexdigest()[:8]}"


@contextmanager
def deployed_for_tests(
    sandbox: Sandbox, folder: Path, architectures: Sequence[str], tell: Tell
) -> Iterator[Mapping[str, Stack]]:
    """Deploy the folder as it is now; until the end no other run of its tests deploys another state of it.

    The variables of own resources get their values. Fails the test if the work cannot be deployed.
    """
    parameters = PARAMETERS | {"ResultsBucket": f"rollcall-tests-{sandbox.suffix.lower()}"}
    state = state_of(folder)
    with ExitStack() as users:
        with locked(sandbox.project, sandbox.suffix):
            used = users.enter_context(lock_file(sandbox.project, f"{sandbox.suffix}-used").open("a+"))
            used.seek(0)
            if used.read() == state:
                fcntl.flock(used, fcntl.LOCK_SH)
            else:
                wait_for(used, lambda: tell(f"waiting for another run of {folder.name}'s tests, of an earlier edit"))
            tell(f"deploying {folder.name} for its tests, as {', '.join(architectures)} with suffix {sandbox.suffix}")
            try:
                sandbox.deploy(folder, architectures, parameters, lock=nullcontext())
            except EXPECTED as error:
                raise failed(error) from None
            used.truncate(0)
            used.write(state)
            used.flush()
            # Runs of the same state, such as the workers of one, use the stacks side by side.
            fcntl.flock(used, fcntl.LOCK_SH)
        os.environ.update(own_resources(sandbox))
        yield sandbox.stacks


def state_of(folder: Path) -> str:
    """A hash of what a deployment of the folder deploys: its work, and Rollcall's own functions."""
    work = read_work(folder)
    return sha256(f"{work.digest} {package(work.files).key}".encode()).hexdigest()


def own_resources(sandbox: Sandbox) -> dict[str, str]:
    """The outputs of the work's own resources, by the variables that have their values."""
    found = find_stack(sandbox.client("cloudformation"), STACK + sandbox.suffix)
    return {variable_of(name): value for name, value in outputs_of(found or {}).items()}


@contextmanager
def locked(project: str, name: str) -> Iterator[None]:
    """Wait until no other run of tests holds the lock of that name, and hold it."""
    with lock_file(project, name).open("a") as file:
        wait_for(file)
        yield


def lock_file(project: str, name: str) -> Path:
    """A file of the sandbox's, for a lock."""
    path = state_folder(project) / f"tests-{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def wait_for(file: IO[str], waiting: Callable[[], None] = lambda: None) -> None:
    """Lock the file for this process alone; `waiting` is called if another one holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(file, fcntl.LOCK_EX)


def failed(error: Exception) -> BaseException:
    """The failure of a test, with the error's message and hint instead of a traceback."""
    return pytest.fail.Exception("\n".join(filter(None, explained(error))), pytrace=False)
