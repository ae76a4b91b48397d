"""The first code of a function's process: sets its clock and, as AWS does, the import path; then runs awslambdaric.

The base interpreter runs it as `python -S -P launcher.py`: `-S` and `-P` leave nothing importable but the standard
library and PYTHONPATH. With arguments (see warden.py) it is a package's warden, whose forks are functions' processes.
Without them it is a function's process from the beginning. It imports no more than it needs, because cold starts wait
for it.
"""

import os
import site
import sys
from types import SimpleNamespace

RUNTIME = os.environ["LAMBDA_RUNTIME_DIR"]
if RUNTIME not in sys.path:  # the function has set a PYTHONPATH of its own
    sys.path.insert(0, RUNTIME)

from rollcall_wall_clock import follow_file, running_time  # noqa: E402  a link in RUNTIME

# Here, not in `main`: multiprocessing's spawn and forkserver import this file again in the function's own children.
follow_file(f"{RUNTIME}/rollcall_clock_offset")


def main() -> None:
    if len(sys.argv) > 1:
        import rollcall_warden  # a link in RUNTIME, too

        if not rollcall_warden.serve(int(sys.argv[1]), sys.argv[2]):
            return  # the warden has ended; else this is a function's process
    site.setquit()  # exit() and quit() exist on AWS
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.argv = [f"{RUNTIME}/bootstrap.py", os.environ["_HANDLER"]]

    from awslambdaric import bootstrap, lambda_context
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    # An invocation may run for so many seconds of running time, wherever the clock is moved meanwhile.
    lambda_context.time = SimpleNamespace(time=running_time)
    if "ROLLCALL_DEBUGGER" in os.environ:
        import rollcall_debuggee  # a link in RUNTIME, too

        rollcall_debuggee.prepare()
    # awslambdaric's own `main` waits for each invocation in a new thread, so that the main thread handles signals
    # meanwhile. On AWS an idle function is frozen, and here that thread would take a sixth of a warm invocation.
    bootstrap.run(os.environ["_HANDLER"], LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))


if __name__ == "__main__":
    main()
