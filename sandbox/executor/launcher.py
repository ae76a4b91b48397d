"""The first code of a function's process: sets the import path as AWS does, then runs awslambdaric.

The base interpreter runs it as `python -S -P launcher.py` in the function's environment: `-S` and `-P` leave nothing
importable but the standard library and PYTHONPATH. It imports no more than it needs, because every cold start waits for
it.
"""

import os
import site
import sys


def main() -> None:
    site.setquit()  # exit() and quit() exist on AWS
    runtime = os.environ["LAMBDA_RUNTIME_DIR"]
    if runtime not in sys.path:  # the function has set a PYTHONPATH of its own
        sys.path.insert(0, runtime)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.argv = [f"{runtime}/bootstrap.py", os.environ["_HANDLER"]]

    from awslambdaric.__main__ import main as run

    run(sys.argv)


# multiprocessing's spawn and forkserver import this file again in each of the function's own children.
if __name__ == "__main__":
    main()
