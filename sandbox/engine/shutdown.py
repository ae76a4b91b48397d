"""The engine ends soon after it is told to, even while functions run."""

import os
import threading
import time

from localstack.runtime import get_current_runtime
from localstack.runtime.shutdown import SHUTDOWN_HANDLERS

GRACE_SECONDS = 5.0
"""For an orderly end, which takes 2 to 4 seconds; `docker stop` kills after 10."""


def install() -> None:
    """Bound the end of this process.

    A request that is being served when the stock engine stops, such as the invocation of a function that runs for
    minutes, leaves a thread behind that waits for ever to write its response, and Python waits for the thread.
    """
    SHUTDOWN_HANDLERS.register(lambda: threading.Thread(target=_exit, name="exit", daemon=True).start())


def _exit() -> None:
    time.sleep(GRACE_SECONDS)
    os._exit(get_current_runtime().exit_code)
