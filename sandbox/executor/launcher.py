"""First code of a function's process: set its import path as AWS does, then hand over to awslambdaric.

Run by the base interpreter as `python -S -P launcher.py` in the environment of the function: `-S` and `-P` leave
nothing importable but the standard library and PYTHONPATH. It imports no more than it needs: its time is part of every
cold start.
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
