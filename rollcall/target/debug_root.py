"""The process to which a debugger attaches: it runs nothing, and the functions' processes join its session.

`python -m rollcall.target.debug_root PORT` listens on 127.0.0.1 until its stdin ends. Each line that it prints is a
JSON object: first the `port` and `token` for processes that join, or an `error`; then whether a debugger is `attached`,
each time that this changes.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

LOOK_SECONDS = 0.2


def main(port: int) -> None:
    """Listen, and tell when a debugger attaches and detaches."""
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # no warning of frozen modules: nothing is debugged here
    import debugpy.server  # finds pydevd, which lies within debugpy
    import pydevd

    from rollcall.target.debug_adapter import program

    with TemporaryDirectory(prefix="rollcall-debugger-") as folder:
        debugpy.configure(python=str(program(Path(folder))))
        try:
            debugpy.listen(("127.0.0.1", port))
        except RuntimeError as error:
            tell(error=str(error))
            return
        setup = pydevd.SetupHolder.setup
        tell(port=setup["port"], token=setup["access-token"])
        threading.Thread(target=watch, args=[debugpy], daemon=True).start()
        sys.stdin.read()


def watch(debugpy: Any) -> None:
    """Tell each time that a debugger attaches, with its breakpoints set, or detaches."""
    while True:
        debugpy.wait_for_client()
        tell(attached=True)
        while debugpy.is_client_connected():
            time.sleep(LOOK_SECONDS)
        tell(attached=False)


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
