"""One command at a time deploys to a sandbox. A command that ends, however it ends, leaves no lock."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bootstrap.problem import Problem
from sandbox.state import state_folder


def lock_file(project: str) -> Path:
    """The file that the sandbox's holder has locked, and in which it has written who it is."""
    return state_folder(project) / "deploying.lock"


@contextmanager
def deploying(command: str, project: str) -> Iterator[None]:
    """Be the only one that deploys to the sandbox `project` of this checkout until the end.

    `command` is told to others. Raises Problem if another command deploys there, with its name, process id and start.
    """
    path = lock_file(project)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            # The kernel ends it with the process.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise held(command, project, file.read()) from None
        file.truncate(0)
        now = datetime.now(UTC).astimezone()
        file.write(json.dumps({"command": command, "pid": os.getpid(), "since": f"{now:%H:%M:%S}"}))
        file.flush()
        yield


def held(command: str, project: str, holder: str) -> Problem:
    """The refusal of `command`. `holder` is what the lock's file says; it is empty for a moment after its start."""
    try:
        about = json.loads(holder)
        name = f"{about['command']} (process {about['pid']}, since {about['since']})"
        end = "end it with Ctrl-C in its window" if about["command"] == "rollcall dev" else "wait until it has ended"
        if command == "rollcall run" and about["command"] == "rollcall dev":
            end = f"if it watches this work, wait until it says that the last edit is live, else {end}"
    except ValueError:
        name, end = "another command", "wait until it has ended"
    return Problem(f"{command} cannot deploy to the sandbox {project!r}: {name} does", f"{end}, then try again")
