"""The command of the engine's container: `python -m sandbox.engine.container`."""

import os
import sys
from pathlib import Path

from sandbox.settings import engine_environment

TEMPORARY = "/tmp"  # noqa: S108  the container's only writable folder, and no other user is in there
HOST = "0.0.0.0"  # noqa: S104  inside the container: its port is published on loopback only

if __name__ == "__main__":
    # The engine listens on the published port, so that the URLs it returns hold inside the container and outside.
    port = int(os.environ["ROLLCALL_PORT"])
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": TEMPORARY,
        "PYTHONUNBUFFERED": "1",
        **engine_environment(HOST, port, Path(TEMPORARY, "engine")),
    }
    os.execve(sys.executable, [sys.executable, "-m", "sandbox.engine"], environment)  # noqa: S606  no shell is needed
