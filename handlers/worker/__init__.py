"""The process that runs your code, apart from the function's own: see worker.py for what the processors call."""

import os

from handlers.core.user_modules import load
from handlers.worker.limits import Limits
from handlers.worker.worker import Worker

__all__ = ["WORKER", "Worker"]

# One per environment.
WORKER = Worker(lambda: load("work"), Limits.of_the_function())
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    WORKER.begin()
