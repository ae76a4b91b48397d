"""The command of the engine's container: `python -m sandbox.engine.container`."""

import os
import sys
from pathlib import Path

from sandbox.settings import engine_environment


def main() -> None:
    """Become the engine, on the port that is published: its URLs then hold inside the container and outside."""
    port = int(os.environ["ROLLCALL_PORT"])
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "PYTHONUNBUFFERED": "1",
        **engine_environment("0.0.0.0", port, Path("/tmp/engine")),
    }
    os.execve(sys.executable, [sys.executable, "-m", "sandbox.engine"], environment)


if __name__ == "__main__":
    main()
