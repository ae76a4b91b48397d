"""The engine ends soon after it is told to, even while functions run."""

import os
import threading

from localstack.runtime import get_current_runtime
from localstack.runtime.shutdown import SHUTDOWN_HANDLERS

GRACE_SECONDS = 5.0
"""For an orderly end, which takes 2 to 4 seconds; `docker stop` kills after 10."""


def install() -> None:
    """End this process GRACE_SECONDS after its shutdown began.

    Stock may stop while it serves a request, such as an invocation that runs for minutes. That request's thread then
    waits for ever to write its response, and Python waits for the thread.
    """

    def exit_later() -> None:
        timer = threading.Timer(GRACE_SECONDS, lambda: os._exit(get_current_runtime().exit_code))
        timer.daemon = True
        timer.start()

    SHUTDOWN_HANDLERS.register(exit_later)
