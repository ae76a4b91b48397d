"""First code of a function's process: bind it to the engine's life and limits, then hand over to awslambdaric.

Run by the base interpreter as `python -S -P launcher.py ENGINE_PID DATA_LIMIT_BYTES`, in the environment of the
function; `-S` and `-P` leave nothing importable but the standard library and PYTHONPATH. It imports no more than it
needs: its time is part of every cold start.
"""

import ctypes
import os
import resource
import signal
import site
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
OPEN_FILES = 1024  # AWS's quota of file descriptors


def main() -> None:
    engine, data_limit = int(sys.argv[1]), int(sys.argv[2])
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != engine:  # it died before the line above
        os._exit(1)
    # What the function's children leave behind becomes its own child, so that it is found when it is to be killed.
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_DATA, (data_limit, data_limit))
    open_files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    site.setquit()  # exit() and quit() exist on AWS
    runtime = os.environ["LAMBDA_RUNTIME_DIR"]
    if runtime not in sys.path:  # the function has set a PYTHONPATH of its own
        sys.path.insert(0, runtime)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.argv = [f"{runtime}/bootstrap.py", os.environ["_HANDLER"]]

    from awslambdaric.__main__ import main as run

    run(sys.argv)


main()
