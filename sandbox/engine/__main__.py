"""The engine's process: `python -m sandbox.engine` runs LocalStack with the sandbox's extension, or fails.

LocalStack skips an extension that cannot be imported, and would then listen on every interface, unguarded. So this
module imports the extension first, and puts the sandbox's server in place before LocalStack starts.
"""

import os
import threading

# isort: split  The clock comes before everything that may keep a function of `time`.
import sandbox.clock.clock

# isort: split  Of all that is imported nothing is garbage.
import sandbox.engine.no_garbage

# isort: split
from localstack.runtime import get_current_runtime
from localstack.runtime import main as localstack
from localstack.runtime.shutdown import SHUTDOWN_HANDLERS

import sandbox.engine.hooks  # noqa: F401  LocalStack runs it when it starts
from sandbox.engine import server, thread_stacks

GRACE_SECONDS = 5.0
"""For an orderly end, which takes 2 to 4 seconds; `docker stop` kills after 10."""


def main() -> None:
    """Run LocalStack to its end, behind a server of the sandbox's own."""
    thread_stacks.install()
    server.install()
    SHUTDOWN_HANDLERS.register(exit_later)
    localstack.main()


def exit_later() -> None:
    """End this process GRACE_SECONDS after its shutdown began, even while functions run.

    The server waits for the calls that have begun, and one may be an invocation that runs for minutes.
    """
    timer = threading.Timer(GRACE_SECONDS, lambda: os._exit(get_current_runtime().exit_code))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
